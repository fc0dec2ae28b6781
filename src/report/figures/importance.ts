import { largest } from '../../extent.ts'
import { points } from '../../measure/points.ts'
import type { ImportanceSummary } from '../../measure/results.ts'
import { barPlot } from './bars.ts'
import { figure } from './figure.ts'
import { html, type Markup } from './markup.ts'

type Pixels = NonNullable<ImportanceSummary['pixels']>

const levels = 16
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** Pixels of one level of ink as one path: runs of neighbours in a row become one rectangle. */
function levelPaths({ width, height, values }: Pixels): Markup[] {
  const most = largest(values)
  // The root brings out the weak pixels; mass spans many orders of magnitude.
  const levelOf = (x: number, y: number) =>
    most > 0 ? Math.round(levels * Math.sqrt(Math.max(0, values[y * width + x] ?? 0) / most)) : 0
  const paths = new Map<number, string[]>()
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; ) {
      const level = levelOf(x, y)
      let end = x + 1
      while (end < width && levelOf(end, y) === level) end++
      if (level > 0) {
        const path = paths.get(level) ?? []
        path.push(`M${x} ${y}h${end - x}v1h${x - end}z`)
        paths.set(level, path)
      }
      x = end
    }
  }
  return [...paths]
    .sort(([a], [b]) => a - b)
    .map(
      ([level, path]) =>
        html`<path class="ink" fill-opacity="${(level / levels).toFixed(3)}" d="${path.join('')}"/>`,
    )
}

/** Share of the mass in blocks of the picture, at most 7 x 7, in %. */
function blockShares({ width, height, values }: Pixels): string[][] {
  const total = sum(values) || 1
  const across = Math.min(7, width)
  const down = Math.min(7, height)
  const shares = Array.from({ length: down }, () => new Array<number>(across).fill(0))
  values.forEach((value, n) => {
    const row = shares[Math.floor((Math.floor(n / width) * down) / height)]
    const column = Math.floor(((n % width) * across) / width)
    if (row !== undefined) row[column] = (row[column] ?? 0) + value / total
  })
  return shares.map((row, n) => [`Block row ${n + 1}`, ...row.map((share) => points(share, 1))])
}

/** Where the Fisher mass lies, as a picture of the input: which pixels' weights the old tasks depend on. */
export function pixelFigure(name: string, pixels: Pixels): Markup {
  const { width, height } = pixels
  const rows = blockShares(pixels)
  const heaviest = rows
    .flatMap((row, y) => row.slice(1).map((share, x) => ({ share: Number(share), x, y })))
    .reduce((best, block) => (block.share > best.share ? block : best), { share: -1, x: 0, y: 0 })
  const label = `Fisher mass of the weights of each input pixel, ${name}, ${width} by ${height}. The heaviest block, row ${heaviest.y + 1} and column ${heaviest.x + 1} of ${rows.length} by ${(rows[0]?.length ?? 1) - 1}, holds ${heaviest.share} per cent.`
  return figure({
    title: `${name}: by input pixel`,
    caption: 'More ink: the weights that read this pixel matter more to the old tasks (root scale).',
    plot: html`<svg class="pixels" viewBox="-0.5 -0.5 ${width + 1} ${height + 1}" role="img" aria-label="${label}" shape-rendering="crispEdges"><rect class="frame" x="-0.25" y="-0.25" width="${width + 0.5}" height="${height + 0.5}"/>${levelPaths(pixels)}</svg>`,
    table: {
      caption: `${name}: share of the Fisher mass in each block of the picture, %`,
      head: ['', ...Array.from({ length: (rows[0]?.length ?? 1) - 1 }, (_, n) => `Column ${n + 1}`)],
      rows,
    },
  })
}

/** Where the Fisher mass lies by parameter tensor, beside each tensor's share of the parameters. */
export function layerFigure(name: string, layers: ImportanceSummary['layers']): Markup {
  const mass = sum(layers.map((layer) => layer.mass)) || 1
  const parameters = sum(layers.map((layer) => layer.parameters)) || 1
  const shares = layers.map((layer) => ({
    ...layer,
    massShare: layer.mass / mass,
    parameterShare: layer.parameters / parameters,
  }))
  const bars = shares.map((layer) => ({
    label: layer.name,
    note: `${points(layer.massShare)} % of the mass`,
    value: layer.massShare,
  }))
  return figure({
    title: `${name}: by layer`,
    caption: 'Share of the Fisher mass in each parameter tensor.',
    plot: barPlot(
      bars,
      `Fisher mass by layer, ${name}: ${bars.map((bar) => `${bar.label} ${bar.note}`).join(', ')}.`,
    ),
    table: {
      caption: `${name}: Fisher mass by parameter tensor`,
      head: ['Tensor', 'Mass', 'Share of mass, %', 'Parameters', 'Share of parameters, %'],
      rows: shares.map((layer) => [
        layer.name,
        layer.mass.toPrecision(4),
        points(layer.massShare),
        layer.parameters.toLocaleString('en-US'),
        points(layer.parameterShare),
      ]),
    },
  })
}
