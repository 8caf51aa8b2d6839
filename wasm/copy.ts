/** Bytes from one place in memory to another; from JavaScript, shared memory is copied byte by byte. */
export function copy(from: usize, bytes: usize, to: usize): void {
  memory.copy(to, from, bytes)
}
