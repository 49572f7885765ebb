/**
 * `npm run bench`: every figure of the packages, one line each with its aim. `--only ROOM` runs a
 * part, `--json` prints one array and nothing else. A missed aim is told and does not fail the run; only a
 * figure that can't be measured does.
 */
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { stopBenchPostgres } from './bench-postgres.ts';
import { isMet, type Figure } from './figure.ts';
import { files, house, rooms } from './house.ts';

/** One line of the report; `figure` is the median. */
interface Line {
  readonly room: string;
  readonly name: string;
  readonly figure: number;
  readonly unit: string;
  /** Both absent where it is told for its own sake. */
  readonly aim?: string;
  readonly met?: boolean;
}

/** Odd, so that the median is a run that took place. */
const runs = 5;

const options = readOptions();
if (options === undefined) process.exitCode = 2;
else await bench(options);

async function bench({ json, only }: { readonly json: boolean; readonly only: string | undefined }) {
  const lines: Line[] = [];
  if (!json) console.log(machine());
  for (const path of files('packages/*/bench/*.bench.ts')) {
    try {
      const module = (await import(pathToFileURL(join(house, path)).href)) as { figures: readonly Figure[] };
      // What is measured in the house as a whole may still be a figure of one of its rooms.
      for (const figure of module.figures.filter(({ room }) => only === undefined || room === only)) {
        const line = await measure(figure);
        lines.push(line);
        if (!json) console.log(tell(line));
      }
    } catch (error) {
      console.error(`expected ${path} to measure its figures, found:`, error);
      process.exitCode = 1;
    }
  }
  await stopBenchPostgres();
  if (json) console.log(JSON.stringify(lines));
}

async function measure(figure: Figure): Promise<Line> {
  const { room, name, unit, aim } = figure;
  // The first run warms up caches and the compiler, and is not counted.
  await figure.measure();
  const values: number[] = [];
  for (let run = 0; run < runs; run += 1) values.push(await figure.measure());
  const median = values.sort((a, b) => a - b)[(runs - 1) / 2] ?? NaN;
  if (!Number.isFinite(median))
    throw new Error(`expected a number for '${name}', found ${values.join(', ')}`);
  const met = isMet(figure, median);
  const asked = aim === undefined || met === undefined ? {} : { aim, met };
  return { room, name, figure: Number(median.toPrecision(4)), unit, ...asked };
}

function tell({ room, name, figure, unit, aim, met }: Line): string {
  const asked = aim === undefined ? '' : ` (aim ${aim}: ${met === true ? 'met' : 'missed'})`;
  return `${room}: ${name}: ${figure} ${unit}${asked}`;
}

/** A figure without the machine it was measured on says little. */
function machine(): string {
  const [first] = cpus();
  const gibibytes = (totalmem() / 2 ** 30).toFixed(0);
  const cores = `${cpus().length} × ${first?.model ?? 'unknown processor'}`;
  const system = `${process.platform} ${process.arch}, Node ${process.version}`;
  return `${cores}, ${gibibytes} GiB, ${system}; medians of ${runs}`;
}

function readOptions() {
  try {
    const { values } = parseArgs({ options: { json: { type: 'boolean' }, only: { type: 'string' } } });
    const names = rooms().map(({ name }) => name);
    if (values.only !== undefined && !names.includes(values.only)) {
      throw new Error(`expected a room (${names.join(', ')}), found '${values.only}'`);
    }
    return { json: values.json ?? false, only: values.only };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return undefined;
  }
}
