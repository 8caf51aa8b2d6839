# The CUDA driver that emulates a device on the CPU, for tests alone: emulation/libcuda.so.1 beside the addon.
# Target nonneg_cuda_check: a program that tests the emulator and the fit without Node.
# Target nonneg_cuda_sanitize: builds both with AddressSanitizer and UndefinedBehaviorSanitizer, and runs them.

set(nonneg_emulation_folder ${CMAKE_CURRENT_LIST_DIR})
set(nonneg_emulator_sources ${nonneg_emulation_folder}/emu.cpp)
set(nonneg_fake_driver_sources
  ${nonneg_emulation_folder}/emulated_kernels.cpp ${nonneg_emulation_folder}/fake_libcuda.cpp)
set(nonneg_emulation_output ${NONNEG_OUTPUT}/emulation)
set(nonneg_sanitized_output ${CMAKE_CURRENT_BINARY_DIR}/sanitized)

# the library's file depends on the kernels' sources, which it includes
set_source_files_properties(${nonneg_emulation_folder}/emulated_kernels.cpp
  PROPERTIES OBJECT_DEPENDS "${nonneg_cuda_kernels}")

function(nonneg_emulation_target target output)
  set_target_properties(${target} PROPERTIES
    CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
    LIBRARY_OUTPUT_DIRECTORY ${output} RUNTIME_OUTPUT_DIRECTORY ${output})
  # fortified longjmp refuses to leave one stack for another; CUDA's pragmas mean nothing to a C++ compiler
  target_compile_options(${target} PRIVATE -O2 -U_FORTIFY_SOURCE -Wno-unknown-pragmas)
endfunction()

function(nonneg_fake_driver target output)
  add_library(${target} MODULE ${nonneg_emulator_sources} ${nonneg_fake_driver_sources})
  nonneg_emulation_target(${target} ${output})
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME "libcuda" SUFFIX ".so.1")
endfunction()

nonneg_fake_driver(nonneg_cuda_emulation ${nonneg_emulation_output})

add_executable(nonneg_cuda_check ${nonneg_emulation_folder}/check.cpp ${nonneg_emulator_sources})
nonneg_emulation_target(nonneg_cuda_check ${nonneg_emulation_output})
target_link_libraries(nonneg_cuda_check PRIVATE nonneg_cuda)

set(nonneg_sanitizers -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined)
nonneg_fake_driver(nonneg_cuda_emulation_sanitized ${nonneg_sanitized_output})
add_executable(nonneg_cuda_check_sanitized
  ${nonneg_emulation_folder}/check.cpp ${nonneg_emulator_sources} ${nonneg_cuda_sources})
nonneg_emulation_target(nonneg_cuda_check_sanitized ${nonneg_sanitized_output})
target_include_directories(nonneg_cuda_check_sanitized PRIVATE ${nonneg_cuda_folder})
target_link_libraries(nonneg_cuda_check_sanitized PRIVATE ${CMAKE_DL_LIBS})
foreach(target nonneg_cuda_emulation_sanitized nonneg_cuda_check_sanitized)
  target_compile_options(${target} PRIVATE ${nonneg_sanitizers})
  target_link_options(${target} PRIVATE ${nonneg_sanitizers})
  set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)
  # both use the generated source; this keeps one of them from writing it while the other reads
  add_dependencies(${target} nonneg_cuda)
endforeach()

# fibers have stacks of their own, which the fake stacks of use-after-return do not know
add_custom_target(nonneg_cuda_sanitize
  COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_stack_use_after_return=0
          NONNEG_CUDA_LIBRARY=${nonneg_sanitized_output}/libcuda.so.1
          $<TARGET_FILE:nonneg_cuda_check_sanitized> emulator fits
  DEPENDS nonneg_cuda_emulation_sanitized nonneg_cuda_check_sanitized
  VERBATIM)
