/** Losses that have a name, with their β. */
export const LOSSES = { frobenius: 2, 'kullback-leibler': 1, 'itakura-saito': 0 } as const

export type LossName = keyof typeof LOSSES
