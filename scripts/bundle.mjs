/**
 * Packs the Milvus SDK into dist/store/milvus/sdk.js, for a quick start: one file instead of 480 modules, without the parts
 * that curate has no use for, and with no more of Milvus' protocol than curate speaks. bench/README.md has what it saves.
 */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { rolldown } from 'rolldown';
import { protocolModule } from './protocol.mjs';

const require = createRequire(import.meta.url);
const output = fileURLToPath(new URL('../dist/store/milvus/sdk.js', import.meta.url));

/** What the SDK calls on its own. */
const CALLS = ['Connect', 'ClientHeartbeat', 'DescribeCollection'];
/** Methods of the SDK that are not called as what they call. */
const OTHERWISE = { deleteEntities: 'Delete', loadCollectionAsync: 'LoadCollection', getMetric: 'GetMetrics' };

const adapter = fileURLToPath(new URL('../dist/store/milvus/', import.meta.url));
for (const name of (await readdir(adapter)).filter((name) => name.endsWith('.js') && name !== 'sdk.js')) {
  for (const [, method] of (await readFile(join(adapter, name), 'utf8')).matchAll(/\bclient\.(\w+)\(/g)) {
    CALLS.push(OTHERWISE[method] ?? method.charAt(0).toUpperCase() + method.slice(1));
  }
}
/** What it writes into others as bytes. */
const MESSAGES = ['milvus.proto.common.PlaceholderGroup', 'milvus.proto.schema.CollectionSchema'];

/** The protocol description in `file`, cut down to some calls, some messages, and what they consist of. */
function neededProtocol(file, calls, messages) {
  const root = protobuf.Root.fromJSON(require(file).default).resolveAll();
  const needed = new Set();
  const need = (type) => {
    if (type === null || needed.has(type)) return;
    needed.add(type);
    for (const field of type.fieldsArray ?? []) need(field.resolvedType);
  };
  const visit = (space) => {
    for (const inner of space.nestedArray ?? []) {
      if (messages.includes(inner.fullName.slice(1))) need(inner);
      for (const method of inner.methodsArray ?? []) {
        if (!calls.includes(method.name)) inner.remove(method);
        else [method.resolvedRequestType, method.resolvedResponseType].forEach(need);
      }
      visit(inner);
    }
  };
  const drop = (space) => {
    for (const inner of space.nestedArray ?? []) {
      drop(inner);
      const wanted = needed.has(inner) || inner.methodsArray?.length > 0 || inner.nestedArray?.length > 0;
      if (!wanted) space.remove(inner);
    }
  };
  visit(root);
  drop(root);
  return root;
}

/** The folders of the packages that were packed. */
const packages = new Set();
const noted = {
  name: 'noted',
  moduleParsed({ id }) {
    const [, folder] = /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(id) ?? [];
    if (folder !== undefined) packages.add(folder);
  },
};

/** In the SDK's place, as far as it is asked. */
const INSTEAD = {
  protobufjs: 'exports.Root = { fromJSON: (code) => code };',
  '@grpc/proto-loader': 'exports.fromJSON = (code, options) => code.services(options);',
  // It would log to stdout, where results go; what fails is told by the calls themselves.
  winston:
    'const nothing = () => undefined; exports.transports = { Console: class {} };' +
    'exports.format = { combine: nothing, colorize: nothing, timestamp: nothing, printf: nothing };' +
    'exports.createLogger = () => ({ debug: nothing, info: nothing, warn: nothing, error: nothing });',
  // For its telemetry, which is off; and a scope that was ever entered has Node follow every promise of the process.
  async_hooks:
    'exports.AsyncLocalStorage = class { getStore() {} run(store, call, ...rest) { return call(...rest); } };',
};
/**
 * Parts of the SDK, and packages, that nothing of ours reaches: importing from files, REST, filters of sets, numbers of
 * 16 bits, tracing, gRPC's servers.
 */
const UNUSED = [
  /milvus2-sdk-node.dist.milvus.(bulkwriter|http|HttpClient)/,
  /milvus2-sdk-node.dist.milvus.utils.(BloomFilter|RoaringFilter)\.js$/,
  /@petamoriken.float16/,
  /@opentelemetry.api/,
  /grpc-js.build.src.server(-call|-credentials|-interceptors)?\.js$/,
];
/** Those of them that were met. */
const spared = new Set();

/** How the SDK takes an answer's numbers apart into vectors, and the same without touching each number, nor copying it. */
const TAKEN_APART = /vectorValue\.forEach\(\(v, i\) => \{.*?field_data\[index\]\.push\(v\);\s*\}\);/s;
const VIEWS = `const numbers = vectorValue instanceof Float32Array ? vectorValue : Float32Array.from(vectorValue);
for (let at = 0; at < numbers.length; at += dim) field_data.push(numbers.subarray(at, at + dim));`;

/** Where the SDK copies the numbers of all vectors of an upsert once more, one by one: they lie in one array already. */
const FLATTENED =
  /(DataType\.FloatVector:\s*keyValue = \{\s*dim: field\.dim,\s*\[dataKey\]: \{\s*data: )physicalData\.flat\(\)/;
const AS_IT_LIES = '$1(field.nullable === true ? physicalData.flat() : physicalData)';

/** Where the SDK makes each row of a query's answer anew for each of its fields, and the same by adding the field. */
const MADE_ANEW = 'acc[i] = Object.assign(Object.assign({}, acc[i]), { [v.field_name]: d });';
const ADDED = '(acc[i] ??= {})[v.field_name] = d;';

/** To close a connection, the SDK asks for its state in the way that has gRPC make another. */
const [ASKED_AND_MADE, ASKED] = [/getConnectivityState\(true\)/, 'getConnectivityState(false)'];

/** By file of the SDK: what is there, and what is put in its place. */
const CORRECTED = [
  [/milvus2-sdk-node.dist.milvus.grpc.GrpcClient\.js$/, ASKED_AND_MADE, ASKED],
  [/milvus2-sdk-node.dist.milvus.utils.Data\.js$/, TAKEN_APART, VIEWS],
  [/milvus2-sdk-node.dist.milvus.grpc.Data\.js$/, FLATTENED, AS_IT_LIES],
  [/milvus2-sdk-node.dist.milvus.grpc.Data\.js$/, MADE_ANEW, ADDED],
];

const bundle = await rolldown({
  input: output,
  platform: 'node',
  plugins: [
    noted,
    {
      name: 'lean-milvus-sdk',
      resolveId: (id) => (id in INSTEAD ? { id: `\0${id}` } : null),
      load(id) {
        const unused = UNUSED.find((part) => part.test(id));
        if (unused !== undefined) return spared.add(unused) && '';
        if (!/milvus2-sdk-node.*proto-json/.test(id)) return id.startsWith('\0') ? INSTEAD[id.slice(1)] : null;
        // The SDK has one description for its calls, and others for what it writes by itself.
        const [calls, messages] = id.endsWith('milvus.js') ? [CALLS, []] : [[], MESSAGES];
        return protocolModule(neededProtocol(id, calls, messages), messages);
      },
      transform(code, id) {
        const corrections = CORRECTED.filter(([file]) => file.test(id));
        if (corrections.length === 0) return null;
        return corrections.reduce((corrected, [, before, after]) => {
          const found = corrected.replace(before, after);
          if (found === corrected) throw new Error(`${id} is another than was read: see CORRECTED`);
          return found;
        }, code);
      },
    },
  ],
});
await bundle.write({ file: output, format: 'esm', minify: true });
const gone = UNUSED.filter((part) => !spared.has(part));
if (gone.length > 0) throw new Error(`the SDK has no ${gone.join(', ')}: see UNUSED`);

/**
 * Packs the program into dist/packed, and each worker by itself: to find and read a hundred modules takes longer than
 * to run them. Packages with data files of their own stay outside, those that few verbs need, and sixel, which has a variable that only sloppy mode lets it have.
 */
const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const OUTSIDE = /^(classic-level|libheif-js|libraw-wasm|memory-level|open|openai|sixel|undici)($|\/)/;

await rm(join(dist, 'packed'), { recursive: true, force: true });
/** By file, under which name: workers are added when a module is met that starts them. */
const programs = new Map([[join(dist, 'cli.js'), 'curate']]);

/** Files beside a module are workers, and are packed beside it; those of the package are two folders up from there. */
const located = {
  name: 'located',
  transform(code, id) {
    for (const [, worker] of code.matchAll(/new URL\('\.\/([\w-]+)\.js', import\.meta\.url\)/g)) {
      programs.set(join(dirname(id), `${worker}.js`), worker);
    }
    return code.replaceAll(/new URL\((['`])(?:\.\.\/)+/g, 'new URL($1../../');
  },
};

/**
 * What string-width makes as it is loaded and needs for no plain name: a segmenter, which takes 9 ms of processor, and
 * expressions of all emoji and marks, 30 ms.
 */
const MADE_AT_ONCE = /^const (segmenter|\w+Regex) = (new Intl\.Segmenter\(\)|\/.*\/v);$/gm;
const whenNeeded = {
  name: 'when-needed',
  transform(code, id) {
    if (!/node_modules.string-width.index\.js$/.test(id)) return null;
    const names = Array.from(code.matchAll(MADE_AT_ONCE), ([, name]) => name);
    if (names.join() !== 'segmenter,visibleCharacterRegex,spacingMarkRegex,rgiEmojiRegex') {
      throw new Error(`string-width makes ${names.join()} as it is loaded: see MADE_AT_ONCE`);
    }
    const uses = new RegExp(`\\b(${names.join('|')})\\b`, 'g');
    const late = code.replaceAll(MADE_AT_ONCE, '').replaceAll(uses, '$1()');
    const made = code.replaceAll(MADE_AT_ONCE, (_, name, value) => {
      const [, source] = /^\/(.*)\/v$/.exec(value) ?? [];
      const maker = source === undefined ? value : `new RegExp(${JSON.stringify(source)}, 'v')`;
      return `let ${name}Made; const ${name} = () => (${name}Made ??= ${maker});`;
    });
    return late + made.match(/^let \w+Made; .*$/gm).join('\n');
  },
};

/** Packages whose native code stays where it is: how their modules find it, and how they do when they are packed. */
const NATIVE = [
  [
    /node_modules.sharp.dist.(sharp|utility)\.mjs$/,
    'createRequire(import.meta.url)',
    "createRequire(createRequire(import.meta.url).resolve('sharp'))",
  ],
  [
    /node_modules.onnxruntime-node.dist.binding\.js$/,
    'require(`../bin/',
    "require('\0inside')('onnxruntime-node')(`../bin/",
  ],
  [
    /node_modules.fs-native-extensions.binding\.js$/,
    '__filename',
    "require('\0inside')('fs-native-extensions').resolve('./binding.js')",
  ],
];
const nativeCode = {
  name: 'native-code',
  resolveId: (id) => (id === '\0inside' ? { id } : null),
  load(id) {
    if (id !== '\0inside') return null;
    const inside = 'createRequire(createRequire(import.meta.url).resolve(name))';
    return `import { createRequire } from 'node:module'; export { inside as 'module.exports' }; const inside = (name) => ${inside};`;
  },
  transform(code, id) {
    const [, before, after] = NATIVE.find(([file]) => file.test(id)) ?? [];
    if (before === undefined) return null;
    if (!code.includes(before)) throw new Error(`${id} finds its native code in another way: see NATIVE`);
    return code.replace(before, after);
  },
};

/**
 * What is loaded at about the same time goes into one file, since Node takes a millisecond to find and read each: what every
 * start loads, and of every search what comes before its worker starts, and what comes after. The file of what every start
 * loads names those that it loads later, so that it is called otherwise with every build: compiled code is kept by its name.
 */
const TOGETHER = [
  ['start', ['cli']],
  [
    'session',
    ['settings', 'library/session', 'library/query/resolve', 'library/query/outside', 'embedding/embedder'],
    ['embedding/models', 'output/terminal/store-events', 'output/terminal/progress'],
  ],
  [
    'search',
    ['library/query/search', 'store/open', 'store/move-engine', 'store/lite/connect', 'store/milvus/endpoint'],
    ['output/documents/library', 'output/terminal/formats', 'output/terminal/search-notices'],
  ],
];

for (const [entry, name] of programs) {
  /** By module, which of the files above it is in. */
  const groups = new Map();
  const program = await rolldown({
    input: { [name]: entry },
    platform: 'node',
    external: OUTSIDE,
    // Modules that one verb loads late and another at once.
    checks: { ineffectiveDynamicImport: false },
    plugins: [
      noted,
      located,
      whenNeeded,
      nativeCode,
      {
        name: 'together',
        buildEnd() {
          const add = (id, group) => {
            if (groups.has(id)) return;
            groups.set(id, group);
            for (const imported of this.getModuleInfo(id)?.importedIds ?? []) add(imported, group);
          };
          if (name !== 'curate') return add(entry, 'start');
          for (const [group, ...modules] of TOGETHER) {
            for (const module of modules.flat()) add(join(dist, `${module}.js`), group);
          }
        },
      },
    ],
  });
  await program.write({
    dir: join(dist, 'packed'),
    format: 'esm',
    minify: true,
    chunkFileNames: `${name}-[name]-[hash].js`,
    codeSplitting: { groups: TOGETHER.map(([group]) => ({ name: group, test: (id) => groups.get(id) === group })) },
  });
}

/** What their licences ask for. */
async function notice(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return [`${name} ${version} (${license})`, ...texts].join('\n\n');
}
const notices = await Promise.all([...packages].sort().map(notice));
await writeFile(join(dist, 'packed', 'LICENSES.txt'), notices.join(`\n\n${'-'.repeat(80)}\n\n`));

/** What `npm install --global` gives to `man`. */
const { manual, realWorld } = await import(join(dist, 'cli.js'));
const day = new Date(Number(process.env.SOURCE_DATE_EPOCH ?? Date.now() / 1000) * 1000).toISOString().slice(0, 10);
await writeFile(join(dist, 'packed', 'curate.1'), await manual(realWorld(), day));
