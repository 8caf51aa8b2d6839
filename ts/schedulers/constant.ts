import { Schedule, type ScheduleOptions } from './schedule.js'

/** The same rate at every step, after a warm-up if one is asked for. The baseline that every other schedule has to beat. */
export class Constant extends Schedule {
  constructor(options: ScheduleOptions = {}) {
    super(options)
  }

  protected after(): number {
    return this.top
  }
}
