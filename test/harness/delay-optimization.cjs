/** Loaded by every Node process of a test run: functions are optimized after 60 times as much work as by default. */
require("node:v8").setFlagsFromString("--interrupt-budget=4000000");
