/**
 * What Prometheus reads (its text format): how the fleet and its campaigns stand, and how the process does.
 * Counted when it is asked for, from the store's own counters.
 */
import { uuidText } from '@lapel/suit';
import type { Clock } from '@lapel/transport';
import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type { TransparencyLog } from '../log.ts';
import type { FleetStore } from '../store.ts';
import { readers } from './route.ts';
import type { Routes } from './route.ts';

/** Versions are devices' own words, so their number is bounded; what is beyond counts under one name. */
const versionsMax = 1_000;
const beyond = 'others';

export interface MetricsOptions {
  readonly store: FleetStore;
  readonly log: TransparencyLog;
  readonly clock: Clock;
}

export function metricRoutes(options: MetricsOptions): Routes {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  fleetGauge(options, registry);
  campaignGauge(options, registry);
  logGauge(options, registry);
  webhookGauge(options, registry);
  return {
    'GET /metrics': {
      roles: readers,
      summary: 'Fleet, campaigns and process, for Prometheus',
      answer: 'text',
      run: async ({ reply }) => reply.type(registry.contentType).send(await registry.metrics()),
    },
  };
}

const fleetGauge = ({ store }: MetricsOptions, registry: Registry) =>
  new Gauge({
    name: 'lapel_devices',
    help: 'Devices by what they run and do',
    labelNames: ['vendor', 'class', 'version', 'state'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const [index, group] of (await store.summary()).entries()) {
        const { vendor, class: product, version, state, count } = group;
        const named = index < versionsMax ? version : beyond;
        this.inc({ vendor: uuidText(vendor), class: uuidText(product), version: named, state }, count);
      }
    },
  });

const campaignGauge = ({ store, clock }: MetricsOptions, registry: Registry) =>
  new Gauge({
    name: 'lapel_campaign_devices',
    help: 'Devices of the campaigns that are open, by where they stand',
    labelNames: ['campaign', 'name', 'state', 'status'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { id, campaign, state } of await store.openCampaigns(clock.wallMs())) {
        for (const [total, count] of Object.entries(await store.totals(id))) {
          // As members are told everywhere else: `given-up`, `in-flight`.
          const status = total.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
          this.set({ campaign: id, name: campaign.name, state, status }, Number(count));
        }
      }
    },
  });

/** By the names that the store has for them: addresses may hold what only their owners know. */
const webhookGauge = ({ store }: MetricsOptions, registry: Registry) =>
  new Gauge({
    name: 'lapel_webhook_waiting',
    help: 'Changes that receivers outside have not taken yet',
    labelNames: ['receiver'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const [name, count] of await store.waiting()) this.set({ receiver: name.slice(0, 12) }, count);
    },
  });

const logGauge = ({ log }: MetricsOptions, registry: Registry) =>
  new Gauge({
    name: 'lapel_log_entries',
    help: 'Releases, campaigns and orders in the transparency log',
    registers: [registry],
    async collect() {
      this.set(await log.size());
    },
  });
