import { describe, expect, test } from 'vitest'
import { parsePlan } from '../train/plan/index.ts'
import { withReplicaFlags } from './replica-flags.ts'

const plan = parsePlan({ stream: { kind: 'split', scenario: 'class' }, method: { name: 'none' } })
const replicated = { ...plan, replicas: { count: 2, localSteps: 100, outerRate: 1, outerMomentum: 0 } }

describe('flags of replicas', () => {
  test('say what is other than in the configuration', () => {
    expect(withReplicaFlags(plan, {})).toBe(plan)
    expect(withReplicaFlags(plan, { replicas: 3, localSteps: 20 }).replicas).toMatchObject({
      ...{ count: 3, localSteps: 20, outerRate: 1 },
    })
    expect(withReplicaFlags(replicated, { outerRate: 0.7 }).replicas).toEqual({
      ...replicated.replicas,
      outerRate: 0.7,
    })
  })

  test('are refused where there are no replicas', () => {
    for (const asked of [{ roundWait: 30 }, { queue: 'redis://x' }, { store: 'runs' }, { outerRate: 1 }]) {
      expect(() => withReplicaFlags(plan, asked)).toThrow('is about replicas, and there are none')
    }
  })

  test('--store and --priority are refused without a queue, which alone they are about', () => {
    for (const asked of [{ store: 'runs' }, { priority: 1 }]) {
      expect(() => withReplicaFlags(replicated, asked)).toThrow('--queue redis://HOST:PORT')
      expect(() => withReplicaFlags(plan, { replicas: 2, ...asked })).toThrow('--queue redis://HOST:PORT')
      expect(withReplicaFlags(replicated, { queue: 'redis://x', ...asked })).toBe(replicated)
    }
  })
})
