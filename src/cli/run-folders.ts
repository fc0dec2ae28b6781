import { join } from 'node:path'

/** Where runs are kept when no folder is named: `runs/2026-11-23T22-41-05-split-mnist-ewc-class-1`. */
export const defaultFolder = (...words: readonly string[]): string => {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  return join('runs', [stamp, ...words].join('-').replaceAll(/[^\w.+-]+/g, '-'))
}
