import type { Unzipped } from 'fflate'
import { count } from '../../count.ts'
import { createDataset, type Dataset, samples } from '../../data/dataset.ts'
import { itemAt } from '../../required.ts'
import { writeSafetensors } from '../../tensor/safetensors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import {
  damaged,
  damagedFacts,
  factsIn,
  opened,
  type PackKind,
  sealed,
  type Take,
  tensorsIn,
} from '../pack-container.ts'
import { activationsIn, activationTensors, factsOfActivations } from './activations-codec.ts'
import { type HeldOut, type Pack, packVersion, type Release } from './pack.ts'
import { ACTIVATIONS, EXEMPLARS, type Facts, FISHER, factsSchema, HELD_OUT, SUMS } from './pack-format.ts'
import { sumsIn, sumTensors } from './sums-codec.ts'

const kind: PackKind = { holds: 'rows', version: packVersion }

/**
 * A pack as the bytes of its file: a zip of JSON and safetensors, with the SHA-256 of each in a manifest. Equal packs give
 * equal bytes.
 *
 * @throws UsageError `safetensors-type` for inputs that safetensors cannot hold, such as texts that are not tokens yet.
 * @example
 * const bytes = encodePack(pack)
 */
export function encodePack(pack: Pack): Uint8Array<ArrayBuffer> {
  const members = new Map<string, Uint8Array>()
  const { exemplars, logits, heldOut, activations, fisher, sums, history } = pack
  if (exemplars && logits) {
    members.set(EXEMPLARS, writeSafetensors(new Map([...tensorsOf(exemplars), ['logits', logits]])))
  }
  if (heldOut) {
    const tensors = new Map<string, Tensor>([
      ...tensorsOf(heldOut.dataset),
      ['uses', heldOut.uses],
      ['predictions', heldOut.predictions],
      ['logits', heldOut.logits],
      ...history.map(({ predictions }, at) => [`history/${at}`, predictions] as const),
    ])
    members.set(HELD_OUT, writeSafetensors(tensors))
  }
  if (fisher) members.set(FISHER, writeSafetensors(fisher.diagonal))
  if (activations) members.set(ACTIVATIONS, writeSafetensors(activationTensors(activations)))
  if (sums) members.set(SUMS, writeSafetensors(sumTensors(sums.sums)))
  return sealed(kind, factsOf(pack), members)
}

const tensorsOf = ({ inputs, labels }: Dataset): [string, Tensor][] => [
  ['inputs', inputs],
  ['labels', labels],
]

function factsOf(pack: Pack): Facts {
  const { version: _version, logits: _logits, history, ...others } = pack
  const { exemplars, heldOut, activations, fisher, sums, ...rest } = others
  const rows = ({ name, synthetic, preprocessing }: Dataset) => ({ name, synthetic, preprocessing })
  return factsSchema.parse({
    ...rest,
    ...(exemplars && { exemplars: rows(exemplars) }),
    ...(heldOut && { heldOut: rows(heldOut.dataset) }),
    ...(fisher && { fisherRows: fisher.rows }),
    ...(activations && { activations: factsOfActivations(activations) }),
    ...(sums && { sums: { ...sums, sums: undefined } }),
    history: history.map(({ predictions: _predictions, ...release }) => release),
  })
}

/**
 * The pack of a file's bytes, each part of it held against its checksum.
 *
 * @param name What messages call the file.
 * @throws CheckpointError `pack-damaged` naming the part that is missing or changed; `pack-version` for a file of a newer
 * format; UsageError `pack-kind` for a pack of texts.
 * @example
 * const pack = decodePack(await readFile('model.keep'), 'model.keep')
 */
export const decodePack = (bytes: Uint8Array, name: string): Pack =>
  opened(bytes, kind, name, (files, version) => packOf(files, version, name))

function packOf(files: Unzipped, version: number, name: string): Pack {
  const {
    exemplars,
    heldOut,
    fisherRows,
    sums: summed,
    history,
    activations,
    features,
    columns,
    traffic: shares,
    ...facts
  } = factsIn(files, factsSchema, name)
  const kept = exemplars && tensorsIn(files, EXEMPLARS, name)
  const held = heldOut && tensorsIn(files, HELD_OUT, name)
  const dataset = (rows: NonNullable<typeof exemplars>, take: Take): Dataset =>
    createDataset({
      ...rows,
      inputs: take('inputs'),
      labels: take('labels', 'int32'),
      classes: facts.classes,
    })
  const releases = history.map(
    (release, at): Release => ({
      ...release,
      predictions: held?.take(`history/${at}`, 'int32') ?? {
        type: 'int32',
        dims: [0],
        data: new Int32Array(),
      },
    }),
  )
  const rows = heldOut && held && dataset(heldOut, held.take)
  const pack: Pack = {
    ...facts,
    columns,
    features,
    traffic: shares,
    version,
    exemplars: exemplars && kept && dataset(exemplars, kept.take),
    logits: kept?.take('logits', 'float32'),
    fisher: fisherRows === undefined ? undefined : { rows: fisherRows, diagonal: fisherOf(files, name) },
    sums: summed && {
      ...summed,
      expansion: summed.expansion,
      sums: sumsIn(files, facts.classes.length, name),
    },
    heldOut: rows &&
      held && {
        dataset: rows,
        uses: version === 1 ? firstUses(rows, releases) : held.take('uses', 'int32'),
        predictions: held.take('predictions', 'int32'),
        logits: held.take('logits', 'float32'),
      },
    activations:
      activations &&
      activationsIn(files, activations, { classes: facts.classes, releases: history.length, name }),
    history: releases,
  }
  checkRows(pack, name)
  return pack
}

/** What the first version of the format did not say: a row was used by each release after the one that it came with. */
function firstUses(rows: Dataset, releases: readonly Release[]): HeldOut['uses'] {
  const uses = Int32Array.from({ length: samples(rows) }, (_, row) => {
    const first = releases.findIndex(({ predictions }) => itemAt(predictions.data, row, 'row') >= 0)
    return first < 0 ? 0 : releases.length - Math.max(1, first)
  })
  return { type: 'int32', dims: [uses.length], data: uses }
}

function fisherOf(files: Unzipped, name: string): ReadonlyMap<string, Tensor<'float32'>> {
  const { keys, take } = tensorsIn(files, FISHER, name)
  return new Map(keys.map((key) => [key, take(key, 'float32')]))
}

/** What stands beside rows has as many of them. */
function checkRows(
  { exemplars, logits, heldOut, history, traffic: shares, classes }: Pack,
  name: string,
): void {
  if (shares && shares.weights.length !== classes.length) {
    throw damagedFacts(
      name,
      `the traffic has ${count(shares.weights.length, 'weight')} for ${count(classes.length, 'class')}`,
    )
  }
  const beside: readonly [string, string, Dataset | undefined, Tensor | undefined][] = [
    [EXEMPLARS, 'logits', exemplars, logits],
    [HELD_OUT, 'uses', heldOut?.dataset, heldOut?.uses],
    [HELD_OUT, 'predictions', heldOut?.dataset, heldOut?.predictions],
    [HELD_OUT, 'logits', heldOut?.dataset, heldOut?.logits],
    ...history.map(({ predictions }, at): (typeof beside)[number] => [
      HELD_OUT,
      `history/${at}`,
      heldOut?.dataset,
      predictions,
    ]),
  ]
  for (const [member, key, dataset, tensor] of beside) {
    if (!dataset || tensor?.dims[0] === samples(dataset)) continue
    throw damaged(
      name,
      member,
      `"${key}" has dims [${tensor?.dims ?? ''}], and its first should be that of ${count(samples(dataset), 'input')}`,
    )
  }
}
