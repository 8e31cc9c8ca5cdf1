// Structs with the names of CPython's and members enough for a test. Their debug information is read.
#pragma once

struct type_object;

typedef struct _object {
    long ob_refcnt;
    struct type_object *ob_type;
} PyObject;

struct _frame {
    PyObject ob_base;
    struct _frame *f_back;
    PyObject *f_code;
    PyObject **f_valuestack;
};

typedef struct _PyInterpreterFrame {
    PyObject *f_executable;
    struct _PyInterpreterFrame *previous;
    PyObject *f_funcobj;
    PyObject *f_locals;
    PyObject *frame_obj;
    int stacktop;
    PyObject *localsplus[1];
} _PyInterpreterFrame;

struct _ts {
    struct _ts *next;
    struct _frame *frame;
    struct _PyInterpreterFrame *current_frame;
    PyObject *current_exception;
    unsigned long thread_id;
    struct {
        PyObject *free_list[3];
        PyObject *kept[2];
    } nested;
};

struct _is {
    struct _is *next;
#ifdef OLD_NAMES
    struct _ts *tstate_head;
#else
    struct {
        struct _ts *head;
    } threads;
#endif
    PyObject *sysdict;
    PyObject *interned;
    PyObject *modules;
};
