import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import * as ort from 'onnxruntime-node'
import type { Device } from './engine.ts'
import { type Provider, providerOf } from './providers.ts'

/** Why a device cannot be used here, and what to do about it: whole sentences. */
export interface Obstacle {
  readonly reason: string
  readonly way: string
}

/** What can be seen without opening a device; undefined where it may open. */
export function obstacleTo(device: Device): Obstacle | undefined {
  const provider = providerOf(device)
  if (provider === 'cpu') return undefined
  if (provider === 'cuda') return cudaObstacle()
  const bundled = ort.listSupportedBackends().some(({ name }) => name === 'webgpu')
  return bundled ? undefined : { reason: `onnxruntime-node has no WebGPU on ${here}.`, way: wayTo('cpu') }
}

const here = `${process.platform} ${process.arch}`

/** The provider's own file is fetched when onnxruntime-node is installed, and on Linux x64 alone. */
const CUDA_FILE = 'libonnxruntime_providers_cuda.so'

function cudaObstacle(): Obstacle | undefined {
  if (here !== 'linux x64') {
    return { reason: `onnxruntime-node has CUDA on Linux x64 alone, and this is ${here}.`, way: wayTo('cpu') }
  }
  if (runtimeFiles().includes(CUDA_FILE)) return undefined
  return {
    reason: `onnxruntime-node is installed without its CUDA provider (${CUDA_FILE}).`,
    way: wayTo('cuda'),
  }
}

/** Files of the runtime for this machine, by their names. */
function runtimeFiles(): readonly string[] {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))
    return readdirSync(join(folder, 'bin'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.includes(join(process.platform, process.arch)))
      .map((path) => path.split(/[\\/]/).at(-1) ?? path)
  } catch {
    // Laid out otherwise, or bundled by somebody: whether it opens is then seen when it is opened.
    return [CUDA_FILE]
  }
}

/** How to come to a device, for who has to install something. */
export function wayTo(provider: Provider): string {
  if (provider === 'cpu') return 'Use --device cpu.'
  if (provider === 'webgpu') {
    return `It needs a graphics device with ${graphics[process.platform] ?? 'Vulkan'}; a container needs the device handed in (docker run --gpus all, or --device /dev/dri) and its Vulkan driver. Otherwise use --device cpu.`
  }
  return 'It needs an NVIDIA driver, CUDA 12 and cuDNN 9, and the provider, which the install script of onnxruntime-node fetches: ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false. Otherwise use --device cpu.'
}

const graphics: Partial<Record<NodeJS.Platform, string>> = { darwin: 'Metal', win32: 'Direct3D 12' }

/**
 * Whether anything here looks like a graphics device. Opening one that is not there costs a tenth of a second and lines of its
 * drivers on stderr, so `--device auto` asks this first; a driver in software is not worth asking for.
 */
export function seesGraphics(
  environment: NodeJS.ProcessEnv = process.env,
  platform = process.platform,
): boolean {
  if (platform !== 'linux') return true
  const told = ['VK_DRIVER_FILES', 'VK_ADD_DRIVER_FILES', 'VK_ICD_FILENAMES'].some(
    (name) => environment[name],
  )
  return told || ['/dev/dri', '/dev'].some((folder) => namesIn(folder).some((name) => devices.test(name)))
}

/** Of any maker; of NVIDIA's driver; of Windows behind WSL. */
const devices = /^(renderD\d+|nvidia\d+|dxg)$/

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    // Not in this container.
    return []
  }
}
