import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { float32 } from '../../tensor/tensor.ts'
import { parsePlan } from '../plan/plan.ts'
import type { RunState } from '../run/checkpoint.ts'
import { type RunConfig, readRunConfig, runFingerprint } from './run-config-files.ts'
import { openRunFolder, runFolderStore } from './run-folder-files.ts'

const folderFor = () => mkdtemp(join(tmpdir(), 'holdfast-folder-'))

const state = (step: number): RunState => ({
  position: { task: 0, step, phase: 'train' },
  updates: step,
  tensors: new Map([['parameter/w', float32([2], [1, step])]]),
  method: { tensors: new Map(), values: {} },
  samplers: {},
  record: { initial: [0.1], matrix: [], curve: [], seconds: { train: 1, consolidate: 0, evaluate: 0 } },
  early: null,
})

const config = (seed = 1): RunConfig => ({
  format: 'holdfast-run',
  version: 1,
  verb: 'learn',
  plan: parsePlan({ stream: { kind: 'split' }, seed }),
  dataSha256: 'abc',
  versions: { holdfast: '0.0.0' },
})

describe('checkpoints', () => {
  test('the last one saved is the one loaded, and the only one kept', async () => {
    const folder = await folderFor()
    const store = runFolderStore(folder, 'mine')
    expect(await store.load()).toBeUndefined()
    await store.save(state(1))
    await store.save(state(2))
    expect(await store.load()).toEqual(state(2))
    expect((await readdir(folder)).sort()).toEqual(['checkpoint-0-2-train.safetensors', 'latest.json'])
  })

  test('a crash after the file and before the pointer leaves the one before', async () => {
    const folder = await folderFor()
    const store = runFolderStore(folder, 'mine')
    await store.save(state(1))
    await writeFile(join(folder, 'checkpoint-0-2-train.safetensors'), 'half')
    expect(await store.load()).toEqual(state(1))
  })

  test('damage is found and named', async () => {
    const folder = await folderFor()
    const store = runFolderStore(folder, 'mine')
    await store.save(state(1))
    const file = join(folder, 'checkpoint-0-1-train.safetensors')
    await truncate(file, 40)
    await expect(store.load()).rejects.toThrow(
      /checkpoint-0-1-train\.safetensors is damaged: expected SHA-256 .*\(40 bytes\)/,
    )
    await writeFile(join(folder, 'latest.json'), '{"file":"checkp')
    await expect(store.load()).rejects.toMatchObject({ code: 'checkpoint-pointer' })
    await writeFile(join(folder, 'latest.json'), '{"file":"../../etc/passwd","sha256":"0"}')
    await expect(store.load()).rejects.toMatchObject({ code: 'checkpoint-pointer' })
    await writeFile(join(folder, 'latest.json'), '{"file":"checkpoint-9-9-train.safetensors","sha256":"0"}')
    await expect(store.load()).rejects.toMatchObject({ code: 'checkpoint-missing' })
  })

  test('another run’s checkpoint is refused', async () => {
    const folder = await folderFor()
    await runFolderStore(folder, 'mine').save(state(1))
    await expect(runFolderStore(folder, 'yours').load()).rejects.toMatchObject({
      code: 'checkpoint-other-run',
    })
  })
})

describe('a folder that cannot be written', () => {
  /** A system error's name, or the call that failed, is no sentence. */
  const inWords = expect.not.stringMatching(/\bE[A-Z]{4,}\b|mkdir|open|append/)

  test.skipIf(process.platform !== 'linux')('is a full disk in words', async () => {
    const folder = await folderFor()
    const run = await openRunFolder(folder, config())
    await symlink('/dev/full', join(folder, 'events.jsonl'))
    const append = run.append({ type: 'consolidated', task: 0, seconds: 1 })
    await expect(append).rejects.toMatchObject({ code: 'write-failed', message: inWords })
    await expect(append).rejects.toThrow('events.jsonl: it could not be written (the disk is full')
    await run.close()
  })

  test('is a file on the way in words', async () => {
    const file = join(await folderFor(), 'notes')
    await writeFile(file, 'x')
    const opened = openRunFolder(join(file, 'run'), config())
    await expect(opened).rejects.toMatchObject({ code: 'write-failed', message: inWords })
    await expect(opened).rejects.toThrow(`${file} is a file: name a folder`)
  })

  test.skipIf(process.platform === 'win32')('is one without permission in words', async () => {
    const folder = await folderFor()
    await chmod(folder, 0o555)
    const root = process.geteuid?.() === 0
    // Root may write everywhere, nobody else may.
    if (root) process.seteuid?.(65_534)
    try {
      const opened = openRunFolder(folder, config())
      await expect(opened).rejects.toMatchObject({ code: 'write-failed', message: inWords })
      await expect(opened).rejects.toThrow('the system does not let you write there')
    } finally {
      if (root) process.seteuid?.(0)
    }
  })

  test.skipIf(process.platform === 'win32')('is taken away where it was made and took nothing', async () => {
    const folder = await folderFor()
    await chmod(folder, 0o777)
    const root = process.geteuid?.() === 0
    if (root) process.seteuid?.(65_534)
    // As on a full disk a folder can be made, and no file put into it.
    const before = process.umask(0o222)
    try {
      await expect(openRunFolder(join(folder, 'run'), config())).rejects.toMatchObject({
        code: 'write-failed',
      })
    } finally {
      process.umask(before)
      if (root) process.seteuid?.(0)
    }
    expect(await readdir(folder)).toEqual([])
  })
})

describe('configurations of runs that are damaged', () => {
  const refused = async (text: string): Promise<string> => {
    const folder = await folderFor()
    await writeFile(join(folder, 'config.json'), text)
    const error = await readRunConfig(folder).catch((each: unknown) => each)
    expect(error).toMatchObject({ code: 'run-config' })
    return String(error)
  }

  test.each([
    [{ format: 'holdfast-pack' }, 'format: expected holdfast-run, found "holdfast-pack".'],
    [{ version: '1' }, 'version: expected 1, found "1".'],
    [{ verb: undefined }, 'verb is missing; expected text.'],
    [{ versions: { node: 20 } }, 'versions.node: expected text, found 20.'],
    [
      { plan: { stream: { kind: 'spilt' } } },
      'stream.kind: expected one of split, permuted, rotated, list, found "spilt".',
    ],
  ])('say what was expected where: %j', async (change, problem) => {
    const message = await refused(JSON.stringify({ ...config(), ...change }))
    expect(message).toContain(problem)
    expect(message).toContain('Restore the file')
    expect(message).not.toMatch(/Invalid|"path"/)
    expect(message.match(/config\.json/g)).toHaveLength(1)
  })

  test('say where the JSON breaks off', async () => {
    expect(await refused('{"format":')).toMatch(/config\.json.* is not JSON/)
  })
})

describe('run folders', () => {
  test('what was half-written is removed, and the configuration comes back as it was', async () => {
    const folder = await folderFor()
    await writeFile(join(folder, '.checkpoint-0-1-train.safetensors.1234.tmp'), 'half')
    const run = await openRunFolder(folder, config())
    await run.append({ type: 'task-started', task: 0, name: 'first' })
    await run.append({ type: 'consolidated', task: 0, seconds: 1 })
    await run.close()
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'events.jsonl'])
    expect(await readRunConfig(folder)).toEqual(config())
    expect((await readFile(join(folder, 'events.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(2)
  })

  test('another run, and files that are no run, are left alone', async () => {
    const folder = await folderFor()
    await (await openRunFolder(folder, config(1))).close()
    await expect(openRunFolder(folder, config(2))).rejects.toMatchObject({ code: 'run-folder-taken' })
    const strange = await folderFor()
    await writeFile(join(strange, 'thesis.tex'), 'x')
    await expect(openRunFolder(strange, config())).rejects.toThrow(
      /holds files that are no run \(thesis\.tex\)/,
    )
    expect(await readdir(strange)).toEqual(['thesis.tex'])
  })

  test('a run that cannot go on as it was asked for leaves room for another, unless it was begun before', async () => {
    const folder = await folderFor()
    const first = await openRunFolder(folder, config(1))
    await first.append({ type: 'progress', task: 0, step: 1, loss: 1 } as never)
    await first.store.save(state(1))
    await writeFile(join(folder, 'notes.txt'), 'x')
    await first.forget()
    await first.close()
    expect(await readdir(folder)).toEqual(['notes.txt'])
    await rm(join(folder, 'notes.txt'))
    await (await openRunFolder(folder, config(2))).close()
    const again = await openRunFolder(folder, config(2))
    await again.forget()
    await again.close()
    expect(await readRunConfig(folder)).toEqual(config(2))
  })

  test('a folder that was made for a run that is forgotten goes with it, unless it holds something else', async () => {
    const folder = await folderFor()
    const forgotten = async (path: string, write?: string): Promise<void> => {
      const open = await openRunFolder(path, config())
      if (write !== undefined) await open.write(write, 'kept')
      await open.forget()
      await open.close()
    }
    await forgotten(join(folder, 'a', 'b'))
    expect(await readdir(folder)).toEqual([])
    await forgotten(folder)
    expect(await readdir(folder)).toEqual([])
    await forgotten(join(folder, 'a', 'b'), 'note.txt')
    expect(await readdir(join(folder, 'a', 'b'))).toEqual(['note.txt'])
  })

  test('a folder in use is refused, to this process and to others', async () => {
    const folder = await folderFor()
    const run = await openRunFolder(folder, config())
    await expect(openRunFolder(folder, config())).rejects.toMatchObject({ code: 'run-in-use' })
    await run.close()
    const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'])
    const lock = { pid: other.pid, host: hostname(), started: null }
    await writeFile(join(folder, 'lock'), JSON.stringify(lock))
    await expect(openRunFolder(folder, config())).rejects.toThrow(
      new RegExp(`in use by process ${other.pid}`),
    )
    other.kill('SIGKILL')
    await once(other, 'exit')
    await (await openRunFolder(folder, config())).close()
  })

  test.runIf(process.platform === 'linux')(
    'a lock whose number another process has now is stale',
    async () => {
      const folder = await folderFor()
      await writeFile(
        join(folder, 'lock'),
        JSON.stringify({ pid: process.ppid, host: hostname(), started: '1' }),
      )
      await (await openRunFolder(folder, config())).close()
      await writeFile(join(folder, 'lock'), 'no lock')
      await (await openRunFolder(folder, config())).close()
    },
  )

  test('a folder without a run, or with a damaged configuration, says so', async () => {
    const folder = await folderFor()
    await expect(readRunConfig(folder)).rejects.toMatchObject({ code: 'run-missing' })
    await writeFile(join(folder, 'config.json'), '{"format":"holdfast-run"')
    await expect(readRunConfig(folder)).rejects.toMatchObject({ code: 'run-config' })
  })

  test('the fingerprint knows settings and data, and not the order of keys', () => {
    const { plan, dataSha256 } = config()
    const shuffled = Object.fromEntries(Object.entries(plan).reverse()) as typeof plan
    expect(runFingerprint({ plan: shuffled, dataSha256 })).toBe(runFingerprint({ plan, dataSha256 }))
    expect(runFingerprint({ plan: { ...plan, checkpointEvery: 7 }, dataSha256 })).toBe(
      runFingerprint({ plan, dataSha256 }),
    )
    expect(runFingerprint({ plan, dataSha256: 'abd' })).not.toBe(runFingerprint({ plan, dataSha256 }))
    expect(runFingerprint(config(2))).not.toBe(runFingerprint(config(1)))
  })
})
