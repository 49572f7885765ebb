/**
 * How what people write in YAML or JSON is read: shapes that say what may stand where, and refusals that
 * name the file and the line. Descriptions are made of them, and so are other files of other rooms.
 */
export { fields, optional, required, told } from './fields.ts';
export type { Field, Given } from './fields.ts';
export { DescriptionError, locate, refusal } from './located.ts';
export type { Located } from './located.ts';
export { byKey, choice, list, mapped, text, uint } from './shape.ts';
export type { Shape } from './shape.ts';
