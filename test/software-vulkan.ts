import { existsSync } from 'node:fs'

// Without a GPU WebGPU runs on SwiftShader, the software Vulkan of Debian's chromium package.

const driver = '/usr/lib/chromium/vk_swiftshader_icd.json'
export const hasSoftwareVulkan: boolean = existsSync(driver)

/** Names it to this process and to those that it starts. Whichever opens a device first in a process decides what all of it see. */
export function nameSoftwareVulkan(): void {
  if (!hasSoftwareVulkan) return
  process.env.VK_DRIVER_FILES ??= driver
  process.env.XDG_RUNTIME_DIR ??= '/tmp'
}
