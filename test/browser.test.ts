import { build } from 'esbuild'
import { expect, it } from 'vitest'

// What a browser's bundler would take: no import of Node may be reachable, nor the native runtime.
it.each(['src/browser.ts', 'src/web.ts', 'src/onnx/index.ts', 'src/autodiff/index.ts'])(
  '%s bundles for a browser',
  async (entry) => {
    const result = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      platform: 'browser',
      format: 'esm',
      conditions: ['browser'],
      metafile: true,
      logLevel: 'silent',
    })
    const inputs = Object.keys(result.metafile.inputs)
    expect(result.errors).toEqual([])
    expect(inputs.filter((file) => /onnxruntime-node|(files|-node)\.ts$/.test(file))).toEqual([])
    const imported = Object.values(result.metafile.inputs).flatMap((file) =>
      file.imports.map(({ path }) => path),
    )
    expect(imported.filter((path) => path.startsWith('node:'))).toEqual([])
  },
)
