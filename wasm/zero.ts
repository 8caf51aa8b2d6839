/** Zeros in memory; from JavaScript, shared memory is filled byte by byte. */
export function zero(address: usize, bytes: usize): void {
  memory.fill(address, 0, bytes)
}
