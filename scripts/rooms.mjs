// Counts the rooms of a source tree: folders, files a folder, long files, and import circles (type-only ones included).
// Tests and generated files are left out.
//   node scripts/rooms.mjs [src]
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

const root = process.argv[2] ?? 'src'
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((path) => normalize(path))
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.endsWith('_pb.ts'))
const text = new Map(files.map((path) => [path, readFileSync(join(root, path), 'utf8')]))

const rooms = new Map()
for (const path of files) rooms.set(dirname(path), (rooms.get(dirname(path)) ?? 0) + 1)
const bySize = [...rooms].sort((a, b) => b[1] - a[1])
const long = files.filter((path) => text.get(path).split('\n').length - 1 > 200)

const imports = new Map(
  files.map((path) => [
    path,
    [...text.get(path).matchAll(/(?:^|\n)(?:import|export)[^'"]*? from '(\.[^']+)'/g)]
      .map(([, to]) => normalize(join(dirname(path), to)))
      .filter((to) => text.has(to)),
  ]),
)

/** Groups of files that reach each other (Tarjan 1972). */
function circles() {
  const index = new Map()
  const low = new Map()
  const stack = []
  const found = []
  const visit = (path) => {
    index.set(path, index.size)
    low.set(path, index.get(path))
    stack.push(path)
    for (const to of imports.get(path)) {
      if (!index.has(to)) {
        visit(to)
        low.set(path, Math.min(low.get(path), low.get(to)))
      } else if (stack.includes(to)) low.set(path, Math.min(low.get(path), index.get(to)))
    }
    if (low.get(path) !== index.get(path)) return
    const group = stack.splice(stack.indexOf(path))
    if (group.length > 1) found.push(group)
  }
  for (const path of files) if (!index.has(path)) visit(path)
  return found
}

const groups = circles()
const folder = ([name, count]) => `${name === '.' ? root : name} ${count}`
console.log(
  `${files.length} files in ${rooms.size} rooms; the largest: ${bySize.slice(0, 5).map(folder).join(', ')}`,
)
console.log(
  `files over 200 lines: ${long.length}; over 300: ${long.filter((path) => text.get(path).split('\n').length > 301).length}`,
)
console.log(
  `groups of files in a circle: ${groups.length}${groups.length > 0 ? ` (${groups.map((group) => group.join(', ')).join('; ')})` : ''}`,
)
