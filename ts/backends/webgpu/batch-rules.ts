import type { BatchRunner } from './batch-runner.js'
import type { Setting } from './family.js'
import { Online } from './online.js'
import { Sgd } from './sgd.js'
import { Svrmu } from './svrmu.js'

/** What runs the batches of a fit's rule; undefined where it is to have none. */
export async function batchRunner(setting: Setting): Promise<BatchRunner | undefined> {
  const { batches = false, fixed, rule } = setting.spec
  if (!batches || fixed) return undefined
  if (rule === 'sgd') return await Sgd.create(setting)
  return await (rule === 'svrmu' ? Svrmu : Online).create(setting)
}
