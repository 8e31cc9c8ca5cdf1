#include "interpreter.h"

struct _is interpreter;
struct _ts thread;
struct _frame frame;
_PyInterpreterFrame interpreter_frame;
#ifdef EMPTY_STRUCT
typedef struct {
} PyGC_Head;
PyGC_Head head;
#endif
