# Writes the C++ file that embeds the kernels' PTX. Run as a script:
#   cmake -DNVCC= -DSOURCES= -DPTX= -DPACKAGED= -DOUTPUT= -P ptx.cmake
# NVCC: the compiler, empty where there is none. SOURCES: folder of kernels.cu. PTX: where to put the compiled PTX.
# PACKAGED: PTX that a published package ships, used where nvcc does not compile. A build without PTX is no failure: the
# addon then says that it has none, and why.

set(absent "nvcc was not found")
set(text "")

# the packaged PTX must come from these very sources, since the addon calls its kernels by their parameters
file(GLOB sources ${SOURCES}/*.cu ${SOURCES}/*.cuh)
list(SORT sources)
set(hashes "")
foreach(source IN LISTS sources)
  file(STRINGS ${source} lines ENCODING UTF-8)
  string(SHA256 hash "${lines}")
  string(APPEND hashes ${hash})
endforeach()
string(SHA256 stamp "${hashes}")
set(stamp "// kernels ${stamp}")

if(NVCC)
  execute_process(
    COMMAND ${NVCC} -ptx -arch=compute_75 -O3 -std=c++14 -o ${PTX} ${SOURCES}/kernels.cu
    RESULT_VARIABLE failed ERROR_VARIABLE message OUTPUT_VARIABLE ignored)
  if(failed)
    message(WARNING "nvcc could not compile the kernels:\n${message}")
    set(absent "nvcc could not compile the kernels")
  else()
    file(READ ${PTX} text)
    string(PREPEND text "${stamp}\n")
    file(WRITE ${PTX} "${text}")
  endif()
endif()

if(text STREQUAL "" AND EXISTS "${PACKAGED}")
  file(READ ${PACKAGED} text)
  string(FIND "${text}" "${stamp}" at)
  if(NOT at EQUAL 0)
    message(WARNING "${PACKAGED} was made from other kernel sources and is not used")
    string(APPEND absent ", and the packaged PTX is out of date")
    set(text "")
  endif()
endif()

file(WRITE ${OUTPUT}.text "${text}")
file(READ ${OUTPUT}.text hex HEX)
file(SIZE ${OUTPUT}.text bytes)
file(REMOVE ${OUTPUT}.text)
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
file(WRITE ${OUTPUT}
  "#include \"ptx.h\"\n"
  "namespace nonneg::cuda {\n"
  "const unsigned char ptx_image[] = {${hex}0};\n"
  "const unsigned long long ptx_bytes = ${bytes};\n"
  "const char* const ptx_absent = \"${absent}\";\n"
  "}\n")
