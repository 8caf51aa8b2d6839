import { type Results, type Row, SCHEMA_VERSION } from '../../bench/schema.js'

/** A measured row, as bouts make them. */
export function measuredRow(over: Partial<Row> = {}): Row {
  return {
    group: 'native',
    problem: 'mu:f32:2000x16x1000',
    backend: 'native',
    variant: 'avx2',
    threads: 2,
    dtype: 'f32',
    status: 'measured',
    reason: null,
    unit: 'iteration',
    samples: [0.001, 0.0011, 0.0012],
    median: 0.0011,
    spread: 0.0001,
    gflops: 120,
    gbs: 8,
    roofline: { roof: 'roofline fma avx2 ×2', unit: 'GFLOP/s', value: 150, share: 0.8 },
    loss: 12.5,
    ...over,
  }
}

/** A row of a contestant that was not there. */
export function absentRow(over: Partial<Row> = {}): Row {
  const none = { samples: [], median: null, spread: null, gflops: null, gbs: null, roofline: null, loss: null }
  return measuredRow({ backend: 'scikit-learn', status: 'absent', reason: 'no Python', ...none, ...over })
}

export function resultsOf(over: Partial<Results> = {}): Results {
  return {
    schema: SCHEMA_VERSION,
    environment: {
      date: '2026-01-02T03:04:05.000Z',
      seconds: 90,
      cpu: 'A processor',
      cores: 2,
      caches: ['L2 unified 1M'],
      memoryGiB: 8,
      platform: 'linux x64 6.1',
      node: '20.20.2',
      v8: '11.3',
      nonneg: '0.1.0',
      commit: '0123456789ab',
      loadBefore: 0,
      loadAfter: 1.5,
      stolen: 0.01,
      rounds: 3,
      backends: [{ id: 'native', available: true, facts: 'isa avx2' }],
    },
    lines: [],
    rows: [measuredRow(), absentRow()],
    comparisons: [],
    ...over,
  }
}
