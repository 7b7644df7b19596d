#!/usr/bin/env node
import process from 'node:process';
import { realWorld, run } from '../dist/packed/curate.js';

process.exitCode = await run(process.argv.slice(2), realWorld());
