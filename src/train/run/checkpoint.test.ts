import { describe, expect, it } from 'vitest'
import { readSafetensors, writeSafetensors } from '../../tensor/safetensors.ts'
import { float32, int64, type Tensor } from '../../tensor/tensor.ts'
import { decodeCheckpoint, encodeCheckpoint, type RunState } from './checkpoint.ts'

const state: RunState = {
  position: { task: 1, step: 7, phase: 'train' },
  updates: 27,
  tensors: new Map([
    ['parameter/fc.weight', float32([2, 2], [0.1, -0, Number.MIN_VALUE, 3e38])],
    ['best/parameter/fc.weight', float32([1], [1])],
  ]),
  method: {
    tensors: new Map<string, Tensor>([
      ['0/memory/inputs', { type: 'uint8', dims: [1, 3], data: Uint8Array.of(0, 128, 255) }],
      ['0/memory/tokens', int64([2], [1, -5])],
    ]),
    values: { 0: { constant: 0.1 + 0.2, nested: [null, true, 'é'] } },
  },
  samplers: { new: { position: 3, random: { words: [1, -2, 3, 4], normal: 0.12345678901234566 } } },
  record: {
    initial: [0.1],
    matrix: [[1 / 3, 0]],
    curve: [{ step: 4, task: 0, accuracies: [0.5, null] }],
    seconds: { train: 1.5, consolidate: 0, evaluate: 1e-9 },
  },
  early: { loss: 0.1, step: 3, updates: 3, waited: 1 },
}

describe('a checkpoint', () => {
  it('comes back as it was, to the last bit', () => {
    expect(decodeCheckpoint(encodeCheckpoint(state, 'print'), 'print')).toEqual(state)
  })

  it('of another run is refused', () => {
    expect(() => decodeCheckpoint(encodeCheckpoint(state, 'print'), 'other', 'run/checkpoint')).toThrow(
      expect.objectContaining({
        code: 'checkpoint-other-run',
        message: expect.stringContaining('run/checkpoint'),
      }),
    )
  })

  it('of an older version is refused, with the way out', () => {
    const { metadata, tensors } = readSafetensors(encodeCheckpoint(state, 'print'), 'checkpoint')
    const older = writeSafetensors(tensors, { ...metadata, version: '1' })
    expect(() => decodeCheckpoint(older, 'print', 'run/checkpoint')).toThrow(
      expect.objectContaining({
        code: 'checkpoint-format',
        message: expect.stringMatching(/version "1".*start it anew/),
      }),
    )
  })

  it('is not just any file of tensors', () => {
    expect(() => decodeCheckpoint(writeSafetensors(new Map([['w', float32([1])]])), 'print')).toThrow(
      expect.objectContaining({ code: 'checkpoint-format' }),
    )
  })
})
