import { Command } from 'commander'
import { buildNativeCommand } from './build-native.js'
import { doctorCommand } from './doctor.js'
import { exitCodeOf, report } from './failure.js'
import { fitCommand } from './fit.js'
import { packageVersion } from './package.js'
import { rankCommand } from './rank.js'
import { scheduleCommand } from './schedule.js'

function program(): Command {
  const nonneg = new Command('nonneg')
    .description('Non-negative matrix factorisation: a matrix X ≥ 0 becomes W·H with W, H ≥ 0.')
    .version(packageVersion(), '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText(
      'after',
      `
Examples:
  $ nonneg fit counts.mtx.gz --rank 20 --out topics
  $ nonneg rank counts.mtx.gz --ranks 5,10,20,40
  $ nonneg schedule faces.npy --rank 20 --report faces.html
  $ nonneg doctor

Exit codes: 0 done, 1 failed, 2 bad usage or bad input.`,
    )
  for (const command of [fitCommand(), rankCommand(), scheduleCommand(), doctorCommand(), buildNativeCommand()]) {
    nonneg.addCommand(command.helpOption('-h, --help', 'print this help').copyInheritedSettings(nonneg))
  }
  return nonneg
}

/** A reader of our output that has seen enough (`| head`) is no failure. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') return
      // nothing more can be said on this stream: the exit code says it
      process.exitCode = 1
      if (stream === process.stdout) process.stderr.write(`nonneg: cannot print: ${error.message}\n`)
    })
  }
}

/** Runs the command line `args` (without node and script) and answers with the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  outliveReaders()
  const nonneg = program()
  for (const command of [nonneg, ...nonneg.commands]) {
    // Errors are thrown and reported below, all in one form.
    command.exitOverride().configureOutput({ outputError: () => {} })
  }
  try {
    await nonneg.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    const command = nonneg.commands.find(one => one.name() === args[0])
    report(error, command)
    return exitCodeOf(error)
  }
}
