/**
 * A Vulkan driver that runs on the CPU (SwiftShader), taken out of the package @sparticuz/chromium: WebGPU without a GPU
 * and without a system package. Nothing is downloaded, and nothing outside a cache folder is touched.
 */

export interface DriverProblem {
  readonly reason: string
  readonly fix: string
}

const SOURCE = '@sparticuz/chromium'
/** A version that runs on every Node this package supports; later ones want Node 22. */
const INSTALL = 'npm i @sparticuz/chromium@147.0.0'
/** glibc's flag that keeps a library loaded after dlclose. */
const RTLD_NODELETE = 0x1000
/** A tar file is a sequence of 512-byte blocks. */
const BLOCK = 512

type Builtins = {
  fs: typeof import('node:fs')
  os: typeof import('node:os')
  path: typeof import('node:path')
  zlib: typeof import('node:zlib')
  module: typeof import('node:module')
  threads: typeof import('node:worker_threads')
}

function builtins(): Builtins {
  const get = globalThis.process.getBuiltinModule
  return {
    fs: get('node:fs'),
    os: get('node:os'),
    path: get('node:path'),
    zlib: get('node:zlib'),
    module: get('node:module'),
    threads: get('node:worker_threads'),
  }
}

/** Where the package stands, and what its version is; undefined where it is not installed. */
function findSource({ fs, module, path }: Builtins): { root: string; version: string } | undefined {
  for (const from of [import.meta.url, path.join(globalThis.process.cwd(), 'package.json')]) {
    try {
      let root = path.dirname(module.createRequire(from).resolve(SOURCE))
      while (!fs.existsSync(path.join(root, 'bin', 'swiftshader.tar.br'))) {
        const up = path.dirname(root)
        if (up === root) return undefined
        root = up
      }
      const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
      return { root, version }
    } catch {
      // not installed beside this file; the working folder comes next
    }
  }
  return undefined
}

/**
 * A folder only this user can write to: beside the package, so that removing node_modules removes it too, else in the
 * temporary folder. Libraries are loaded from it, so a folder that someone else made there is refused.
 */
function cacheFolder({ fs, os, path }: Builtins, root: string): string {
  const beside = path.join(root.slice(0, root.lastIndexOf(`${path.sep}node_modules${path.sep}`)), 'node_modules')
  try {
    const folder = path.join(beside, '.cache', 'nonneg')
    fs.mkdirSync(folder, { recursive: true })
    fs.accessSync(folder, fs.constants.W_OK)
    return folder
  } catch {
    const user = globalThis.process.getuid?.() ?? 0
    const folder = path.join(os.tmpdir(), `nonneg-${user}`)
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    const facts = fs.lstatSync(folder)
    if (!facts.isDirectory() || facts.uid !== user || (facts.mode & 0o022) !== 0) {
      throw new Error(`${folder} belongs to someone else`)
    }
    return folder
  }
}

/** Writes the files of a plain ustar archive below `folder`. */
async function untar({ fs, path }: Builtins, archive: Buffer, folder: string): Promise<void> {
  const text = (from: number, length: number) => {
    const end = archive.indexOf(0, from)
    return archive.toString('latin1', from, end >= 0 && end < from + length ? end : from + length)
  }
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8) || 0
    const name = path.normalize(text(at, 100))
    if (path.isAbsolute(name) || name.startsWith('..')) throw new Error(`${name} points out of the archive`)
    // '0' and NUL are plain files; folders follow from the names
    if (archive[at + 156] === 0 || archive[at + 156] === 0x30) {
      const target = path.join(folder, name)
      await fs.promises.mkdir(path.dirname(target), { recursive: true })
      const content = archive.subarray(at + BLOCK, at + BLOCK + size)
      await fs.promises.writeFile(target, content, { mode: 0o755 })
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
}

/**
 * Unpacks archives of @sparticuz/chromium (`swiftshader.tar`, `al2023.tar`, `chromium`) into one folder of the cache and
 * returns it; a second call finds it there. Processes that start at once each unpack aside and rename: the first wins.
 * Throws where the package is missing or the disk refuses.
 */
export async function unpackDriver(name: string, archives: readonly string[]): Promise<string> {
  const all = builtins()
  const { fs, path, zlib } = all
  const source = findSource(all)
  if (!source) throw new Error(`the package ${SOURCE} is not installed`)
  const folder = path.join(cacheFolder(all, source.root), `${name}-${source.version}`)
  if (fs.existsSync(folder)) return folder
  const aside = await fs.promises.mkdtemp(`${folder}.unpacking-`)
  try {
    for (const archive of archives) {
      const packed = await fs.promises.readFile(path.join(source.root, 'bin', `${archive}.br`))
      const content = await new Promise<Buffer>((resolve, reject) => {
        zlib.brotliDecompress(packed, (error, result) => (error ? reject(error) : resolve(result)))
      })
      if (archive.endsWith('.tar')) await untar(all, content, aside)
      else await fs.promises.writeFile(path.join(aside, archive), content, { mode: 0o755 })
    }
    await fs.promises.rename(aside, folder)
  } catch (error) {
    await fs.promises.rm(aside, { recursive: true, force: true })
    if (!fs.existsSync(folder)) throw error
  }
  return folder
}

/**
 * Loads the driver into this process, so that Dawn finds it when it looks for Vulkan. To be called before the first
 * adapter is asked for. Returns what stands in the way, or undefined when it is done.
 */
export async function installSoftwareDriver(): Promise<DriverProblem | undefined> {
  const { process } = globalThis
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return {
      reason: `the software driver is for linux-x64, this is ${process.platform}-${process.arch}`,
      fix: 'Unset NONNEG_WEBGPU.',
    }
  }
  const all = builtins()
  if (!findSource(all)) {
    return {
      reason: `the package ${SOURCE}, which holds the software driver, is not installed`,
      fix: `npm i ${SOURCE}`,
    }
  }
  try {
    const folder = await unpackDriver('swiftshader', ['swiftshader.tar'])
    const manifest = all.path.join(folder, 'vk_swiftshader_icd.json')
    if (all.threads.isMainThread) {
      process.env.VK_ICD_FILENAMES = manifest
    } else if (process.env.VK_ICD_FILENAMES !== manifest) {
      // a worker's process.env is a copy that the driver does not see, so only the main thread can name the driver
      return {
        reason: 'a worker thread can use the software driver only after the main thread has',
        fix: 'Open the backend on the main thread first.',
      }
    }
    try {
      const flags = all.os.constants.dlopen.RTLD_NOW | RTLD_NODELETE
      process.dlopen({ exports: {} }, all.path.join(folder, 'libvulkan.so.1'), flags)
    } catch (error) {
      // it is no addon, but it is loaded now, and Dawn finds it by its name
      if (!/self-register/.test(String(error))) throw error
    }
    return undefined
  } catch (error) {
    return {
      reason: `the software driver does not load: ${error instanceof Error ? error.message : String(error)}`,
      fix: INSTALL,
    }
  }
}
