import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import ts from 'typescript'
import { bundling } from './bundled.ts'

/**
 * The programs that documents show. A block whose fence says `ts run` is part of its document's program: all such blocks of a
 * document, in order, are one module, which may use top-level await and imports the package by its name. Other `ts` blocks
 * are fragments, and are left alone.
 */
export interface DocProgram {
  /** Path of the document. */
  readonly document: string
  /** The blocks at the lines that they have in the document, so that errors point there. */
  readonly source: string
}

const root = resolve(import.meta.dirname, '..')
const execute = promisify(execFile)

/** Documents of the repository that may show programs: README*.md and docs/*.md, as paths from its root. */
export function documents(): string[] {
  const markdown = (folder: string) => readdirSync(join(root, folder)).filter((name) => name.endsWith('.md'))
  const readmes = markdown('.').filter((name) => name.startsWith('README'))
  return [...readmes, ...markdown('docs').map((name) => `docs/${name}`)].sort()
}

/** A document's program; undefined when no block of it is marked. */
export function docProgram(document: string): DocProgram | undefined {
  const source = programOf(readFileSync(join(root, document), 'utf8'))
  return source.trim() === '' ? undefined : { document, source }
}

/** The lines of blocks marked `ts run`; all others are empty. */
export function programOf(markdown: string): string {
  let open: string | undefined
  const lines = markdown.split('\n').map((line) => {
    const fence = /^\s*(`{3,})\s*(.*?)\s*$/.exec(line)
    if (fence && open === undefined) open = fence[2]
    else if (fence) open = undefined
    else if (open === 'ts run') return line
    return ''
  })
  return lines.join('\n')
}

/**
 * Type-checks programs against the sources, all at once. The sources themselves are checked by `npm run typecheck`: here they
 * are only read.
 *
 * @throws with the compiler's own messages, whose lines are those of the documents.
 */
export async function checkDocPrograms(programs: readonly DocProgram[]): Promise<void> {
  await inFolder(async (folder) => {
    const files = programs.map((program) => written(program, folder))
    const { options, errors } = ts.parseJsonConfigFileContent(settings(files), ts.sys, folder)
    const compiled = ts.createProgram(files, options, sharedHost(options))
    const found = [
      ...errors,
      ...compiled.getOptionsDiagnostics(),
      ...files.flatMap((file) => {
        const source = compiled.getSourceFile(file)
        if (!source) throw new Error(`${file} is not part of the program.`)
        return [...compiled.getSyntacticDiagnostics(source), ...compiled.getSemanticDiagnostics(source)]
      }),
    ]
    if (found.length === 0) return
    const names = { getCanonicalFileName: (name: string) => name, getNewLine: () => '\n' }
    throw new Error(ts.formatDiagnostics(found, { ...names, getCurrentDirectory: () => root }))
  })
}

const parsed = new Map<string, ts.SourceFile | undefined>()

/** Files of the checkout are parsed once for all programs. */
function sharedHost(options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  const read = host.getSourceFile
  host.getSourceFile = (name, ...rest) => {
    if (!parsed.has(name)) parsed.set(name, read(name, ...rest))
    return parsed.get(name)
  }
  return host
}

/**
 * Runs a program to its end, with synthetic digits instead of MNIST: the same on every machine, and a sixth of the time.
 *
 * @returns what it printed.
 */
export function runDocProgram(program: DocProgram): Promise<string> {
  return inFolder(async (folder) => {
    const file = written(program, folder)
    const outfile = join(folder, 'program.mjs')
    await build({
      ...bundling,
      entryPoints: [file],
      outfile,
      tsconfigRaw: JSON.stringify(settings([file])),
      logLevel: 'silent',
      sourcemap: 'inline',
    })
    const places = { HOLDFAST_DATA: '', HOLDFAST_CACHE: join(folder, 'cache') }
    return output(process.execPath, ['--enable-source-maps', outfile], places)
  })
}

async function inFolder<T>(action: (folder: string) => Promise<T>): Promise<T> {
  mkdirSync(join(root, '.cache'), { recursive: true })
  const folder = mkdtempSync(join(root, '.cache', 'docs-'))
  try {
    return await action(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function written({ document, source }: DocProgram, folder: string): string {
  const file = join(folder, `${document.replaceAll('/', '-')}.ts`)
  // The end makes it a module also where it imports nothing.
  writeFileSync(file, `${source}\nexport {}\n`)
  return file
}

function settings(files: readonly string[]): unknown {
  const paths = {
    holdfast: [join(root, 'src/index.ts')],
    'holdfast/onnx': [join(root, 'src/onnx/index.ts')],
    'holdfast/autodiff': [join(root, 'src/autodiff/index.ts')],
    'holdfast/web': [join(root, 'src/web.ts')],
  }
  // A document may leave a value unused for the next paragraph to talk about.
  const compilerOptions = { paths, noUnusedLocals: false, noUnusedParameters: false, types: ['node'] }
  const typeRoots = [join(root, 'node_modules/@types')]
  return {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { ...compilerOptions, typeRoots },
    include: [],
    files,
  }
}

async function output(
  program: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  try {
    const { stdout } = await execute(program, parameters, {
      cwd: root,
      env: { ...process.env, ...environment },
      maxBuffer: 2 ** 24,
    })
    return stdout
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${stdout}${stderr}`.trim() || String(error), { cause: error })
  }
}
