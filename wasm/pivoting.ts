import {
  DIAGONAL,
  factorise,
  forget,
  gradientAt,
  HELD,
  isSingular,
  LAST,
  line,
  MARKS,
  RIGHT,
  ROW,
  START,
  solve,
  WANTED,
  WIDE,
} from './free_components'
import { at, smallest } from './simd'

// Exact least squares of a row of a factor between bounds, as ts/kernels/pivoting.ts has it, on ./free_components.

/** What `pivot` answers where it gives up. */
const GIVEN_UP: usize = <usize>-1

/** Marks what components break of the optimality conditions (1: below zero or held wrongly, 2: above `most`); their number. */
function judge(moving: usize, slack: f64, most: f64, scratch: usize, width: usize): usize {
  const row = line(scratch, width, ROW)
  const held = line(scratch, width, HELD)
  const free = line(scratch, width, MARKS)
  const breaking = free + 2 * width
  let count: usize = 0
  for (let r: usize = 0; r < moving; r++) {
    let breaks: u8
    if (load<u8>(free + r)) {
      const value = load<f64>(row + r * WIDE)
      breaks = value < 0 ? 1 : value > most ? 2 : 0
    } else {
      const gradient = gradientAt(moving, r, row, scratch, width)
      breaks = (load<f64>(held + r * WIDE) == 0 ? gradient < -slack : gradient > slack) ? 1 : 0
    }
    store<u8>(breaking + r, breaks)
    if (!breaks) continue
    count++
    store<u32>(line(scratch, width, LAST), <u32>r)
  }
  return count
}

/** Moves a component that breaks a condition to where it does not. */
function exchange(r: usize, most: f64, scratch: usize, width: usize): void {
  const free = line(scratch, width, MARKS)
  const breaks = load<u8>(free + 2 * width + r)
  if (!breaks) return
  if (load<u8>(free + r)) store<f64>(line(scratch, width, HELD) + r * WIDE, breaks == 2 ? most : 0)
  store<u8>(free + r, load<u8>(free + r) ^ 1)
}

/** Puts the components of the start where they are at first; answers the gradient that counts as zero. */
function begin(moving: usize, most: f64, scratch: usize, width: usize): f64 {
  const start = line(scratch, width, START)
  const wanted = line(scratch, width, WANTED)
  let largest: f64 = 0
  for (let r: usize = 0; r < moving; r++) {
    const value = load<f64>(start + r * WIDE)
    const isAbove = value > 0 && load<f64>(scratch + r * (width + 1) * WIDE) > 0
    store<u8>(line(scratch, width, MARKS) + r, isAbove && value < most ? 1 : 0)
    store<f64>(line(scratch, width, HELD) + r * WIDE, isAbove ? most : 0)
    largest = max<f64>(largest, abs<f64>(load<f64>(wanted + r * WIDE)))
  }
  // 2⁻⁴⁰
  return 9.094947017729282e-13 * largest
}

/** How many exchanges, or steps, a row may take. */
function patience(moving: usize): usize {
  return 5 * moving + 20
}

/** The row ← its minimum, by block pivoting; answers the factor's size, or where it gives up GIVEN_UP. */
function pivot(moving: usize, size: usize, most: f64, scratch: usize, width: usize): usize {
  const slack = begin(moving, most, scratch, width)
  let fewest = moving + 1
  let chances = 3
  for (let exchanges: usize = 0; exchanges <= patience(moving); exchanges++) {
    size = factorise(moving, size, scratch, width)
    if (isSingular(size, scratch, width)) return GIVEN_UP
    solve(moving, size, scratch, width)
    const count = judge(moving, slack, most, scratch, width)
    if (count == 0) return size
    if (count < fewest) {
      fewest = count
      chances = 3
    } else if (chances > 0) {
      chances--
    } else {
      // one at a time comes to an end where many at once may go round in circles
      exchange(<usize>load<u32>(line(scratch, width, LAST)), most, scratch, width)
      continue
    }
    for (let r: usize = 0; r < moving; r++) exchange(r, most, scratch, width)
  }
  return GIVEN_UP
}

/** How much of the way from one value to another lies within the bounds. */
function shareWithin(from: f64, end: f64, most: f64): f64 {
  if (end < 0) return from / (from - end)
  return end > most ? (most - from) / (end - from) : 1
}

/** What is to be minimised, at `row`. */
function valueAt(moving: usize, row: usize, scratch: usize, width: usize): f64 {
  const wanted = line(scratch, width, WANTED)
  let sum: f64 = 0
  for (let r: usize = 0; r < moving; r++) {
    const slope = gradientAt(moving, r, row, scratch, width)
    sum += 0.5 * load<f64>(row + r * WIDE) * (slope - load<f64>(wanted + r * WIDE))
  }
  return sum
}

/** Holds a component whose minimum lies beyond a bound there; answers the bound. */
function hold(r: usize, end: f64, most: f64, scratch: usize, width: usize): f64 {
  const bound = end < 0 ? 0 : most
  store<u8>(line(scratch, width, MARKS) + r, 0)
  store<f64>(line(scratch, width, HELD) + r * WIDE, bound)
  return bound
}

/** The start ← its minimum by active sets, or where it came on the way; no step raises it. The row is then the same. */
function descend(moving: usize, most: f64, scratch: usize, width: usize): void {
  const f = line(scratch, width, START)
  const target = line(scratch, width, ROW)
  const cut = line(scratch, width, RIGHT)
  const slack = begin(moving, most, scratch, width)
  let size = forget(scratch, width)
  for (let r: usize = 0; r < moving; r++) store<f64>(f + r * WIDE, min<f64>(load<f64>(f + r * WIDE), most))
  for (let step: usize = 0; step <= patience(moving); step++) {
    size = factorise(moving, size, scratch, width)
    solve(moving, size, scratch, width)
    let share: f64 = 1
    for (let r: usize = 0; r < moving; r++)
      share = min<f64>(share, shareWithin(load<f64>(f + r * WIDE), load<f64>(target + r * WIDE), most))
    if (share == 1) {
      memory.copy(f, target, moving * WIDE)
      if (judge(moving, slack, most, scratch, width) == 0) break
      for (let r: usize = 0; r < moving; r++) exchange(r, most, scratch, width)
      continue
    }
    for (let r: usize = 0; r < moving; r++)
      store<f64>(cut + r * WIDE, min<f64>(most, max<f64>(0, load<f64>(target + r * WIDE))))
    const isLower = valueAt(moving, cut, scratch, width) < valueAt(moving, f, scratch, width)
    for (let r: usize = 0; r < moving; r++) {
      const end = load<f64>(target + r * WIDE)
      let value = load<f64>(f + r * WIDE)
      if (isLower ? end < 0 || end > most : shareWithin(value, end, most) <= share)
        value = hold(r, end, most, scratch, width)
      else value = isLower ? end : value + share * (end - value)
      store<f64>(f + r * WIDE, value)
    }
  }
  memory.copy(target, f, moving * WIDE)
}

/** Adds the proximal term to the system. */
function approach(moving: usize, scratch: usize, width: usize): void {
  const step = (width + 1) * WIDE
  const diagonal = line(scratch, width, DIAGONAL)
  let largest: f64 = 0
  for (let r: usize = 0; r < moving; r++) largest = max<f64>(largest, load<f64>(scratch + r * step))
  // 2⁻²⁰
  const delta = 9.5367431640625e-7 * largest
  for (let r: usize = 0; r < moving; r++) {
    const bend = load<f64>(scratch + r * step)
    store<f64>(diagonal + r * WIDE, bend)
    if (bend <= 0) continue
    store<f64>(scratch + r * step, bend + delta)
    const place = line(scratch, width, WANTED) + r * WIDE
    store<f64>(place, load<f64>(place) + delta * load<f64>(line(scratch, width, START) + r * WIDE))
  }
}

/**
 * Moves a row of a factor, at `f`, to its minimum over [0, most]: of the system and the right-hand side in `scratch`, whose
 * factor is of `size` components. `violation`, an f64, grows by the sum of the projected gradient before. Answers the size of
 * the factor that then is there.
 */
export function moveToMinimum(
  moving: usize,
  size: usize,
  f: usize,
  most: f64,
  scratch: usize,
  width: usize,
  violation: usize,
): usize {
  const start = line(scratch, width, START)
  let sum: f64 = 0
  for (let r: usize = 0; r < moving; r++) {
    const gradient = gradientAt(moving, r, start, scratch, width)
    const value = load<f64>(start + r * WIDE)
    sum += abs<f64>(value <= 0 ? min<f64>(0, gradient) : value >= most ? max<f64>(0, gradient) : gradient)
  }
  store<f64>(violation, load<f64>(violation) + sum)
  let found = pivot(moving, size, most, scratch, width)
  if (found == GIVEN_UP) {
    approach(moving, scratch, width)
    descend(moving, most, scratch, width)
    const diagonal = line(scratch, width, DIAGONAL)
    for (let r: usize = 0; r < moving; r++) store<f64>(scratch + r * (width + 1) * WIDE, load<f64>(diagonal + r * WIDE))
    found = forget(scratch, width)
  }
  const row = line(scratch, width, ROW)
  for (let r: usize = 0; r < moving; r++) {
    const value = load<f64>(row + r * WIDE)
    store<Real>(at(f, 0, 0, r), value < <f64>smallest() ? 0 : <Real>min<f64>(value, most))
  }
  return found
}
