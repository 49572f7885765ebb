/**
 * What a database is told so that a move loses nothing: to note the key of every row that changes while rows
 * are copied (`moving_…`), and at the end to take in no change any more (`moved_…`). Both are triggers, so
 * that they hold for every process, of whatever version; both come and go in one transaction.
 */
import { movedMark } from '../sql.ts';
import type { Columns, FleetTable } from './tables.ts';

export interface MoveWords {
  /** From now on, keys of changed rows are noted. */
  note(table: FleetTable, columns: Columns): readonly string[];
  noteNoMore(table: FleetTable): readonly string[];
  /** From now on, the table is as it is. */
  refuse(table: FleetTable): readonly string[];
  refuseNoMore(table: FleetTable): readonly string[];
}

const verbs = ['INSERT', 'UPDATE', 'DELETE'] as const;

/** A number is never given twice: whoever takes out what it has read takes out nothing newer. */
const notesOf = (
  { name, key }: FleetTable,
  columns: Columns,
  number: string,
  types: Readonly<Record<Columns[string], string>>,
) => {
  const keys = key.map((each) => `${keyName(each)} ${types[columns[each] ?? 'text']}`);
  return `CREATE TABLE moving_${name} (noted ${number}, ${keys.join(', ')})`;
};

/** A key may be called as the number of a note is. */
const keyName = (name: string) => `key_${name}`;
export const keyNames = ({ key }: FleetTable): readonly string[] => key.map(keyName);

const noting = (table: FleetTable, row: 'NEW' | 'OLD') =>
  `INSERT INTO moving_${table.name} (${keyNames(table).join(', ')})
   VALUES (${table.key.map((each) => `${row}.${each}`).join(', ')})`;

export const sqliteMoves: MoveWords = {
  note: (table, columns) => [
    notesOf(table, columns, 'INTEGER PRIMARY KEY AUTOINCREMENT', {
      text: 'TEXT',
      integer: 'INTEGER',
      blob: 'BLOB',
    }),
    ...verbs.map(
      (verb) => `CREATE TRIGGER moving_${table.name}_${verb.toLowerCase()} AFTER ${verb} ON ${table.name}
        BEGIN ${noting(table, verb === 'DELETE' ? 'OLD' : 'NEW')}; END`,
    ),
  ],
  noteNoMore: ({ name }) => [
    ...verbs.map((verb) => `DROP TRIGGER IF EXISTS moving_${name}_${verb.toLowerCase()}`),
    `DROP TABLE IF EXISTS moving_${name}`,
  ],
  refuse: ({ name }) =>
    verbs.map(
      (verb) => `CREATE TRIGGER IF NOT EXISTS moved_${name}_${verb.toLowerCase()} BEFORE ${verb} ON ${name}
        BEGIN SELECT RAISE(ABORT, '${movedMark}'); END`,
    ),
  refuseNoMore: ({ name }) =>
    verbs.map((verb) => `DROP TRIGGER IF EXISTS moved_${name}_${verb.toLowerCase()}`),
};

/** A trigger is made when nobody is writing to its table, and is there for whoever writes next. */
export const postgresMoves: MoveWords = {
  note: (table, columns) => [
    notesOf(table, columns, 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY', {
      text: 'TEXT COLLATE "C"',
      integer: 'BIGINT',
      blob: 'BYTEA',
    }),
    `CREATE FUNCTION moving_${table.name}() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
       IF TG_OP = 'DELETE' THEN ${noting(table, 'OLD')}; ELSE ${noting(table, 'NEW')}; END IF;
       RETURN NULL;
     END $body$`,
    `CREATE TRIGGER moving_${table.name} AFTER INSERT OR UPDATE OR DELETE ON ${table.name}
       FOR EACH ROW EXECUTE FUNCTION moving_${table.name}()`,
  ],
  noteNoMore: ({ name }) => [
    `DROP TRIGGER IF EXISTS moving_${name} ON ${name}`,
    `DROP FUNCTION IF EXISTS moving_${name}()`,
    `DROP TABLE IF EXISTS moving_${name}`,
  ],
  refuse: ({ name }) => [
    `CREATE OR REPLACE FUNCTION moved_${name}() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
       RAISE EXCEPTION '${movedMark}';
     END $body$`,
    `DROP TRIGGER IF EXISTS moved_${name} ON ${name}`,
    `CREATE TRIGGER moved_${name} BEFORE INSERT OR UPDATE OR DELETE ON ${name}
       FOR EACH STATEMENT EXECUTE FUNCTION moved_${name}()`,
  ],
  refuseNoMore: ({ name }) => [
    `DROP TRIGGER IF EXISTS moved_${name} ON ${name}`,
    `DROP FUNCTION IF EXISTS moved_${name}()`,
  ],
};
