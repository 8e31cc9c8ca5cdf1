# Writes the C file that holds the tables of src/layout/tables, byte for byte: .incbin copies them when it is
# compiled, so that no interpreter and no other tool is needed.
function(hc_add_layout_tables target)
  file(GLOB tables CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/layout/tables/*.txt)
  set(source "// Made by cmake/layout_tables.cmake.\n#include \"layout/table.h\"\n\n")
  set(rows "")
  set(number 0)
  foreach(table ${tables})
    get_filename_component(name ${table} NAME)
    string(REGEX REPLACE "\\.txt$" "" name ${name})
    string(APPEND source "__asm__(\".section .rodata\\n.globl hc_table_${number}_text, hc_table_${number}_end\\n.hidden hc_table_${number}_text, hc_table_${number}_end\\nhc_table_${number}_text:\\n.incbin \\\"${table}\\\"\\n\"\n"
      "        \"hc_table_${number}_end:\\n.byte 0\\n.previous\\n\");\n"
      "extern const char hc_table_${number}_text[] __attribute__((visibility(\"hidden\"))),\n"
      "    hc_table_${number}_end[] __attribute__((visibility(\"hidden\")));\n\n")
    string(APPEND rows "    {\"${name}\", hc_table_${number}_text, hc_table_${number}_end},\n")
    math(EXPR number "${number} + 1")
  endforeach()
  string(APPEND source "const struct hc_shipped_table hc_shipped_tables[] = {\n${rows}    {0},\n};\n")
  set(file ${PROJECT_BINARY_DIR}/layout_tables.c)
  file(CONFIGURE OUTPUT ${file} CONTENT "${source}" @ONLY)
  set_source_files_properties(${file} PROPERTIES OBJECT_DEPENDS "${tables}")
  target_sources(${target} PRIVATE ${file})
endfunction()
