// Exceptions. Types without a row share BaseException's tp_traverse, and with it this row.
#include "python/types/families.h"

#define BASE "dict=__dict__ args= notes traceback=__traceback__ cause=__cause__ context=__context__"
#define EXCEPTION(row_names, row_structure, own)                                                             \
    {                                                                                                        \
        .names = row_names, .structure = row_structure, .unit = "Objects/exceptions.c", .visits = BASE own   \
    }

const struct hc_type_row hc_exception_types[] = {
    EXCEPTION("BaseException", "PyBaseExceptionObject", ""),
    EXCEPTION("BaseExceptionGroup", "PyBaseExceptionGroupObject", " msg excs"),
    EXCEPTION("StopIteration", "PyStopIterationObject", " value"),
    EXCEPTION("SystemExit", "PySystemExitObject", " code"),
    EXCEPTION("ImportError", "PyImportErrorObject", " msg name path name_from"),
    EXCEPTION("OSError", "PyOSErrorObject", " myerrno strerror filename filename2"),
    EXCEPTION("NameError", "PyNameErrorObject", " name"),
    EXCEPTION("AttributeError", "PyAttributeErrorObject", " obj name"),
    EXCEPTION("SyntaxError", "PySyntaxErrorObject",
              " msg filename lineno offset end_lineno end_offset text print_file_and_line metadata"),
    EXCEPTION("UnicodeDecodeError|UnicodeEncodeError|UnicodeTranslateError", "PyUnicodeErrorObject",
              " encoding object reason"),
    {0},
};
