import { createMemoryStore } from '../src/index.ts';
import { testFleetStore } from './fleet-store-suite.ts';

testFleetStore('the store in memory', createMemoryStore);
