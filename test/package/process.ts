import { execFile } from 'node:child_process'

export interface Outcome {
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
}

/** The caller's environment without what npm, vitest and this project's own switches put there. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const ours = /^(NONNEG_|VITEST|NODE_|npm_(?!config_)|npm_config_local_prefix|INIT_CWD)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)))
}

/** Runs a program to its end and never rejects; a program that does not end by itself is killed and `code` says so. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string>; timeoutMs?: number },
): Promise<Outcome> {
  const { cwd, env = {}, timeoutMs = 120_000 } = options
  return new Promise(resolve => {
    execFile(
      command,
      args,
      {
        cwd,
        env: { ...cleanEnvironment(), ...env },
        timeout: timeoutMs,
        maxBuffer: 1 << 26,
        shell: process.platform === 'win32',
      },
      (error, stdout, stderr) =>
        resolve({ code: error ? (error.code ?? error.signal ?? 'killed') : 0, stdout, stderr }),
    )
  })
}

/** As `run`, for programs that must succeed; the error carries all they said. */
export async function must(...call: Parameters<typeof run>): Promise<string> {
  const { code, stdout, stderr } = await run(...call)
  if (code === 0) return stdout
  throw new Error(`${call[0]} ${call[1].join(' ')}\nended with ${code}\n${stdout}\n${stderr}`)
}

/** Runs a program given as text with this Node, in the folder of an installed package. */
export function runNode(
  cwd: string,
  text: string,
  options: { flags?: readonly string[]; type?: 'module' | 'commonjs'; env?: Record<string, string> } = {},
): Promise<string> {
  const { flags = [], type = 'module', env } = options
  return must(process.execPath, [...flags, `--input-type=${type}`, '--eval', text], { cwd, env })
}
