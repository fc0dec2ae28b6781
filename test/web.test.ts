import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import * as ort from 'onnxruntime-web'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ortNode } from '../src/engine/ort-node.ts'
import { ortWeb } from '../src/web.ts'
import { nameSoftwareVulkan } from './software-vulkan.ts'
import { type WebRun, webRun } from './web-run.ts'

const chromium = '/usr/bin/chromium'
const hasChromium = existsSync(chromium)
if (!hasChromium)
  console.warn('Training in a browser is not tested: there is no chromium (apt-get install chromium).')

let plain: WebRun
beforeAll(async () => {
  plain = await webRun(ortNode({ threads: 1 }))
}, 60_000)

/** Of other kernels, whose sums have another order: after so many steps digits differ, answers hardly. */
function expectSame(run: WebRun): void {
  expect(Object.keys(run.parameters)).toEqual(Object.keys(plain.parameters))
  for (const [name, values] of Object.entries(run.parameters)) {
    for (const [at, value] of values.entries())
      expect(Math.abs(value - (plain.parameters[name]?.[at] ?? Number.NaN)), `${name}[${at}]`).toBeLessThan(
        2e-3,
      )
  }
  expect(run.accuracies.length).toBe(3)
  for (const [task, accuracies] of run.accuracies.entries())
    for (const [at, accuracy] of accuracies.entries())
      expect(Math.abs(accuracy - (plain.accuracies[task]?.[at] ?? Number.NaN))).toBeLessThanOrEqual(0.025)
}

it('three tasks with EWC and replay come to the same in WebAssembly', async () => {
  expectSame(await webRun(ortWeb(ort)))
}, 120_000)

describe.skipIf(!hasChromium)('in a page of Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-page-'))
  let page = ''
  beforeAll(async () => {
    const { outputFiles } = await build({
      ...{
        entryPoints: ['test/browser-page.ts'],
        bundle: true,
        write: false,
        format: 'esm',
        platform: 'browser',
      },
      logLevel: 'silent',
    })
    page = outputFiles[0]?.text ?? ''
  }, 60_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(['device=cpu', 'device=cpu&threads=2', 'device=cpu&worker', 'device=webgpu'])(
    'the same with %s',
    async (query) => {
      const answer = await answerOf(query)
      expect(answer.error).toBeUndefined()
      expect(answer.engine).toMatch(/^onnxruntime-web \d/)
      expectSame(answer)
    },
    240_000,
  )

  /** Serves the page to a browser of its own until that answers. */
  async function answerOf(query: string): Promise<WebRun & { error?: string; engine: string }> {
    let told: (answer: string) => void
    const answered = new Promise<string>((resolve) => {
      told = resolve
    })
    const script = `'/page.js?${query}'`
    const starting = /worker/.test(query) ? `new Worker(${script}, { type: 'module' })` : `import(${script})`
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost')
      // Threads share memory only in such pages.
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp')
      if (pathname === '/answer') {
        const parts: Buffer[] = []
        request.on('data', (part: Buffer) => parts.push(part))
        request.on('end', () => {
          response.end()
          told(Buffer.concat(parts).toString())
        })
      } else if (pathname === '/page.js') response.setHeader('Content-Type', 'text/javascript').end(page)
      else if (pathname.startsWith('/ort/')) {
        response.setHeader(
          'Content-Type',
          pathname.endsWith('.wasm') ? 'application/wasm' : 'text/javascript',
        )
        response.end(readFileSync(join('node_modules/onnxruntime-web/dist', basename(pathname))))
      } else
        response
          .setHeader('Content-Type', 'text/html')
          .end(`<!doctype html><script type="module">${starting}</script>`)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    nameSoftwareVulkan()
    const browser = spawn(
      chromium,
      [
        ...[
          '--headless=new',
          '--no-sandbox',
          '--disable-dev-shm-usage',
          `--user-data-dir=${folder}/${query}`,
        ],
        ...['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'],
        `http://127.0.0.1:${port}/`,
      ],
      { stdio: 'ignore' },
    )
    const ended = once(browser, 'exit')
    try {
      const early = ended.then(() => Promise.reject(new Error('Chromium ended before the page answered.')))
      return JSON.parse(await Promise.race([answered, early]))
    } finally {
      browser.kill()
      await ended
      server.close()
      server.closeAllConnections()
    }
  }
})
