// Processes that keep a core busy while a contestant runs, and stand still while it does not.
import { spawn } from 'node:child_process'

// ends by itself when the process that wanted it is gone
const SPIN = `const { ppid } = process; while (process.ppid === ppid) for (let i = 0; i < 1e8; i++);`

/** @param {number} count */
export function busyProcesses(count) {
  const children = Array.from({ length: count }, () => spawn(process.execPath, ['-e', SPIN], { stdio: 'ignore' }))
  const signal = name => {
    for (const child of children) child.kill(name)
  }
  process.on('exit', () => signal('SIGKILL'))
  signal('SIGSTOP')
  return {
    /** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
    async beside(work) {
      signal('SIGCONT')
      try {
        return await work()
      } finally {
        signal('SIGSTOP')
      }
    },
  }
}
