#!/usr/bin/env node
import process from 'node:process';
import { realWorld, run } from '../dist/packed/curate.js';

process.exitCode = await run(process.argv.slice(2), realWorld());
// Of what is done, nothing is left but connections that close and memory, which Node would take apart first.
if (process.exitCode === 0) process.exit();
