import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { buildCli } from './cli.ts'
import { hasSoftwareVulkan } from './software-vulkan.ts'

const tiny = '--data synthetic --limit 300,100 --hidden 16 --batch 16 --iterations 2 --scenario task'

it.runIf(hasSoftwareVulkan)(
  'two runs at a time on WebGPU are processes: threads of one end it',
  { timeout: 240_000 },
  async () => {
    const cli = await buildCli()
    const cwd = mkdtempSync(join(tmpdir(), 'holdfast-device-'))
    const words = `bench split-mnist --method none --seeds 1,2 --jobs 2 --device webgpu ${tiny} --no-save --json`
    const { stdout } = await promisify(execFile)(process.execPath, [cli.file, ...words.split(' ')], {
      cwd,
    })
    expect(stdout.match(/"seed": [12]\b/g)).toContain('"seed": 2')
  },
)
