import { strToU8, type Unzipped, type Zippable, zipSync } from 'fflate'
import { count } from '../../count.ts'
import { createDataset, type Dataset, samples } from '../../data/dataset.ts'
import { problemsOf } from '../../data/schema-problems.ts'
import { sha256 } from '../../data/sha256.ts'
import { CheckpointError, HoldfastError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { writeSafetensors } from '../../tensor/safetensors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { activationsIn, activationTensors, factsOfActivations } from './activations-codec.ts'
import { type HeldOut, type Pack, packVersion, type Release } from './pack.ts'
import {
  ACTIVATIONS,
  EXEMPLARS,
  FACTS,
  type Facts,
  FISHER,
  FORMAT,
  factsSchema,
  HELD_OUT,
  MANIFEST,
  MTIME,
  SUMS,
} from './pack-format.ts'
import { checked, damaged, json, type Take, tensorsIn, unzipped } from './pack-members.ts'
import { sumsIn, sumTensors } from './sums-codec.ts'

/**
 * A pack as the bytes of its file: a zip of JSON and safetensors, with the SHA-256 of each in a manifest. Equal packs give
 * equal bytes.
 *
 * @throws UsageError `safetensors-type` for inputs that safetensors cannot hold, such as texts that are not tokens yet.
 * @example
 * const bytes = encodePack(pack)
 */
export function encodePack(pack: Pack): Uint8Array<ArrayBuffer> {
  const members: Record<string, Uint8Array> = { [FACTS]: strToU8(JSON.stringify(factsOf(pack), null, 2)) }
  const { exemplars, logits, heldOut, activations, fisher, sums, history } = pack
  if (exemplars && logits) {
    members[EXEMPLARS] = writeSafetensors(new Map([...tensorsOf(exemplars), ['logits', logits]]))
  }
  if (heldOut) {
    members[HELD_OUT] = writeSafetensors(
      new Map([
        ...tensorsOf(heldOut.dataset),
        ['uses', heldOut.uses],
        ['predictions', heldOut.predictions],
        ['logits', heldOut.logits],
        ...history.map(({ predictions }, at) => [`history/${at}`, predictions] as const),
      ]),
    )
  }
  if (fisher) members[FISHER] = writeSafetensors(fisher.diagonal)
  if (activations) members[ACTIVATIONS] = writeSafetensors(activationTensors(activations))
  if (sums) members[SUMS] = writeSafetensors(sumTensors(sums.sums))
  const checksums = Object.fromEntries(
    Object.entries(members).map(([name, bytes]) => [name, sha256().update(bytes).hex()]),
  )
  const manifest = { format: FORMAT, version: packVersion, members: checksums }
  const files: Zippable = { [MANIFEST]: strToU8(JSON.stringify(manifest, null, 2)), ...members }
  return zipSync(files, { mtime: MTIME }) as Uint8Array<ArrayBuffer>
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
 * format.
 * @example
 * const pack = decodePack(await readFile('model.keep'), 'model.keep')
 */
export function decodePack(bytes: Uint8Array, name: string): Pack {
  const files = unzipped(bytes, name)
  const version = checked(files, name)
  try {
    return packOf(files, version, name)
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause
    const reason = cause instanceof HoldfastError ? cause.message : String(cause)
    throw new CheckpointError('pack-damaged', `${name}: ${reason}`, { cause })
  }
}

function packOf(files: Unzipped, version: number, name: string): Pack {
  const said = json(files, FACTS, name)
  const parsed = factsSchema.safeParse(said)
  if (!parsed.success) {
    throw damaged(name, FACTS, problemsOf(factsSchema, said, parsed.error.issues).join(' '))
  }
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
  } = parsed.data
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
    throw damaged(
      name,
      FACTS,
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
