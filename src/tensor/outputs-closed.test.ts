import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { checkOutputs, Output } from './outputs-files.ts'

const closed = new Set<string>()
let checked: typeof checkOutputs

// Whoever runs tests may be root, to whom no folder is closed.
beforeAll(async () => {
  vi.doMock('node:fs/promises', async (original) => ({
    ...(await original<typeof import('node:fs/promises')>()),
    access: async (path: string) => {
      if (closed.has(path)) throw Object.assign(new Error('closed'), { code: 'EACCES' })
    },
  }))
  vi.resetModules()
  checked = (await import('./outputs-files.ts')).checkOutputs
})
afterAll(() => {
  vi.doUnmock('node:fs/promises')
  vi.resetModules()
})

it('a folder that is there has to take files itself; one that is held or replaced, the one around it', async () => {
  const around = await mkdtemp(join(tmpdir(), 'holdfast-closed-'))
  const open = join(around, 'open')
  const shut = join(around, 'shut')
  for (const folder of [open, shut]) await mkdir(folder)
  for (const folder of [around, shut]) closed.add(folder)
  const check = (given: Omit<Output, 'flag'>) => checked([{ flag: '-o', ...given }], [])
  await check({ path: open, kind: 'folder' })
  await check({ path: join(open, 'new'), kind: 'folder' })
  await expect(check({ path: shut, kind: 'folder' })).rejects.toThrow(
    `the folder ${shut} may not be written to`,
  )
  for (const given of [
    { path: open, kind: 'folder', held: true },
    { path: open, kind: 'model' },
    { path: join(around, 'new'), kind: 'folder' },
    { path: join(around, 'file'), kind: 'file' },
  ] as const) {
    await expect(check(given)).rejects.toThrow(`the folder ${around} may not be written to`)
  }
})
