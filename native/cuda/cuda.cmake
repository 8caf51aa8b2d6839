# Target nonneg_cuda: the CUDA device over the driver library that is opened at run time, with the kernels' PTX embedded.
# Target nonneg_cuda_ptx: writes native/cuda/kernels.ptx, which published packages ship for machines without nvcc.
# With NONNEG_EMULATION also the driver that emulates CUDA on the CPU, for tests (native/test/emulation.cmake).

find_program(NONNEG_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATH_SUFFIXES bin PATHS /usr/local/cuda/bin)
set(nonneg_nvcc ${NONNEG_NVCC})
if(NOT nonneg_nvcc)
  set(nonneg_nvcc "")
endif()

set(nonneg_cuda_folder ${CMAKE_CURRENT_LIST_DIR})
set(nonneg_ptx ${CMAKE_CURRENT_BINARY_DIR}/cuda/kernels.ptx)
set(nonneg_ptx_source ${CMAKE_CURRENT_BINARY_DIR}/cuda/ptx.cpp)
set(nonneg_packaged_ptx ${nonneg_cuda_folder}/kernels.ptx)
file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/cuda)
file(GLOB nonneg_cuda_kernels CONFIGURE_DEPENDS ${nonneg_cuda_folder}/*.cu ${nonneg_cuda_folder}/*.cuh)
file(GLOB nonneg_packaged_ptx_found CONFIGURE_DEPENDS ${nonneg_packaged_ptx})

add_custom_command(
  OUTPUT ${nonneg_ptx_source}
  BYPRODUCTS ${nonneg_ptx}
  COMMAND ${CMAKE_COMMAND} -DNVCC=${nonneg_nvcc} -DSOURCES=${nonneg_cuda_folder} -DPTX=${nonneg_ptx}
          -DPACKAGED=${nonneg_packaged_ptx} -DOUTPUT=${nonneg_ptx_source}
          -P ${nonneg_cuda_folder}/ptx.cmake
  DEPENDS ${nonneg_cuda_kernels} ${nonneg_packaged_ptx_found} ${nonneg_cuda_folder}/ptx.cmake
  COMMENT "Compiling the CUDA kernels to PTX"
  VERBATIM)

set(nonneg_cuda_sources
  ${nonneg_cuda_folder}/cuda_fit.cpp
  ${nonneg_cuda_folder}/device.cpp
  ${nonneg_cuda_folder}/driver.cpp
  ${nonneg_cuda_folder}/holdings.cpp
  ${nonneg_cuda_folder}/launch.cpp
  ${nonneg_cuda_folder}/pacer.cpp
  ${nonneg_cuda_folder}/queue.cpp
  ${nonneg_cuda_folder}/run_kernel.cpp
  ${nonneg_ptx_source})

add_library(nonneg_cuda STATIC ${nonneg_cuda_sources})
set_target_properties(nonneg_cuda PROPERTIES
  CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
target_include_directories(nonneg_cuda PRIVATE ${nonneg_cuda_folder})
target_compile_options(nonneg_cuda PRIVATE -Wall -Wextra)
target_link_libraries(nonneg_cuda PUBLIC ${CMAKE_DL_LIBS})

add_custom_target(nonneg_cuda_ptx
  COMMAND ${CMAKE_COMMAND} -E copy ${nonneg_ptx} ${nonneg_packaged_ptx}
  DEPENDS ${nonneg_ptx_source}
  VERBATIM)

if(NONNEG_EMULATION)
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    include(${nonneg_cuda_folder}/../test/emulation.cmake)
  else()
    message(WARNING "the emulation of CUDA is built on Linux only")
  endif()
endif()
