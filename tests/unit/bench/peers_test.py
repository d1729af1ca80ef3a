# SPDX-License-Identifier: Apache-2.0
"""What the driver of the benchmark's peer rows reads from others, and how it decides."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

PEERS = str(Path(__file__).resolve().parents[3] / "bench/peers")
sys.path.insert(0, PEERS)
import figures  # noqa: E402
import process  # noqa: E402
import table  # noqa: E402

WRK = """Running 3s test @ https://10.77.0.1/demo/1/bulk.bin
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.80s   412.11ms   2.52s    66.67%
    Req/Sec     8.00      3.46    13.00     66.67%
  21 requests in 3.01s, 2.71GB read
Requests/sec:      6.98
Transfer/sec:      0.90GB
"""
ERRORS = """  1200 requests in 500.00ms, 1.50MB read
  Socket errors: connect 1, read 2, write 3, timeout 64
  Non-2xx or 3xx responses: 10
"""
PERFDHCP = """Running: perfdhcp -4 -l 10.77.255.1 -g single -R 40000 -r 5000 -p 3 10.77.0.1
***Rate statistics***
Rate: 4990.1 4-way exchanges/second, expected rate: 5000

***Malformed Packets***
Malformed packets: 0
***Statistics for: DISCOVER-OFFER***
sent packets: 15001
received packets: 15000
drops: 1

min delay: 0.062 ms

***Statistics for: REQUEST-ACK***
sent packets: 15000
received packets: 14986
drops: 14
"""
METRICS = """# HELP slipway_busy_cycles_total TSC cycles of polls that found work.
# TYPE slipway_busy_cycles_total counter
slipway_busy_cycles_total{worker="0"} 12
slipway_busy_cycles_total{worker="1"} 30
slipway_busy_polls_total{worker="0"} 5
"""


class Wrk(unittest.TestCase):
    def test_counts_what_was_read_in_binary_units(self):
        done = figures.wrk(WRK)
        self.assertEqual(done["requests"], 21)
        self.assertAlmostEqual(done["seconds"], 3.01)
        self.assertAlmostEqual(done["bytes"], 2.71 * 2 ** 30)
        self.assertEqual(done["errors"], 0)

    def test_errors_count_and_waiting_does_not(self):
        done = figures.wrk(ERRORS)
        self.assertEqual(done["errors"], 1 + 2 + 3 + 10)
        self.assertAlmostEqual(done["seconds"], 0.5)

    def test_other_words_are_an_error(self):
        with self.assertRaises(ValueError):
            figures.wrk("unable to connect to 10.77.0.1:443 Connection refused")


class Perfdhcp(unittest.TestCase):
    def test_what_was_asked_and_not_acknowledged_is_lost(self):
        done = figures.perfdhcp(PERFDHCP)
        self.assertEqual((done["asked"], done["acknowledged"]), (15001, 14986))
        self.assertAlmostEqual(done["lost_share"], 15 / 15001)

    def test_a_run_without_answers_lost_everything(self):
        text = PERFDHCP[:PERFDHCP.index("***Statistics for: REQUEST-ACK")]
        self.assertEqual(figures.perfdhcp(text)["lost_share"], 1.0)

    def test_other_words_are_an_error(self):
        with self.assertRaises(ValueError):
            figures.perfdhcp("Failed to bind socket")


class CleanRate(unittest.TestCase):
    @staticmethod
    def server(limit, asked):
        def probe(rate):
            asked.append(rate)
            return rate <= limit
        return probe

    def test_is_found_below_the_limit_and_near_it(self):
        asked = []
        rate = figures.clean_rate(self.server(5000, asked), 400, 30000, 6)
        self.assertLessEqual(rate, 5000)
        self.assertGreater(rate, 5000 / (30000 / 400) ** (1 / 64) * 0.999)
        self.assertEqual(len(asked), 8)

    def test_is_nothing_where_the_lowest_rate_loses(self):
        self.assertEqual(figures.clean_rate(self.server(100, []), 400, 30000, 6), 0)

    def test_is_the_highest_asked_where_that_is_clean(self):
        self.assertEqual(figures.clean_rate(self.server(1e9, []), 400, 30000, 6), 30000)


class Metrics(unittest.TestCase):
    def test_a_counter_is_summed_over_workers(self):
        values = figures.metrics(METRICS)
        self.assertEqual(figures.total(values, "slipway_busy_cycles_total"), 42)
        self.assertEqual(figures.total(values, "slipway_busy"), 0)


class Table(unittest.TestCase):
    def test_no_row_means_all_of_them(self):
        self.assertEqual(table.split([]), ([], ["5", "6", "8", "13"]))

    def test_rows_go_to_who_measures_them(self):
        self.assertEqual(table.split(["13", "1", "5"]), (["1"], ["5", "13"]))
        self.assertEqual(table.split(["8"]), (None, ["8"]))
        self.assertEqual(table.split(["1", "2"]), (["1", "2"], []))

    def test_options_stand_anywhere_between_rows(self):
        options = table.arguments(["5", "--memory", "512", "8", "--quick", "--json", "out"])
        self.assertEqual((options.rows, options.others, options.quick, options.json),
                         (["5", "8"], ["--memory", "512"], True, "out"))

    def test_a_spread_reads_as_slipway_benchs(self):
        self.assertEqual(figures.with_spread([1.0, 3.0, 2.0]), "2.00 (1.00 to 3.00)")
        self.assertEqual(figures.with_spread([]), "nothing")


# A row that takes its time, told to end in the middle of it.
STOPPED = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
import table

def slow(context):
    try:
        print(context.folder, flush=True)
        time.sleep(60)
    finally:
        print("taken down", flush=True)

table.PEERS = {"5": (slow, 1, ())}
os.geteuid = lambda: 0
table.main(["5"])
"""


class Stopped(unittest.TestCase):
    def test_who_ends_the_run_leaves_no_server_and_no_folder_behind(self):
        with subprocess.Popen([sys.executable, "-c", STOPPED, PEERS], stdout=subprocess.PIPE, text=True) as run:
            run.stdout.readline()  # about the machine
            folder = run.stdout.readline().strip()
            self.assertTrue(os.path.isdir(folder), folder)
            run.terminate()
            self.assertEqual(run.stdout.read().strip(), "taken down")
        self.assertEqual(run.returncode, 128 + 15)
        self.assertFalse(os.path.exists(folder))


class Process(unittest.TestCase):
    def test_a_cores_busy_share_leaves_idle_and_waiting_out(self):
        before = [0] * 10
        after = [10, 5, 20, 40, 10, 0, 15, 0, 0, 0]
        self.assertAlmostEqual(process.busy_share_of(0, before, after), 0.5)

    def test_the_time_of_a_process_grows_and_a_thread_can_be_left_out(self):
        before = process.cpu_seconds(os.getpid())
        sum(range(2_000_000))
        self.assertGreater(process.cpu_seconds(os.getpid()), before)
        self.assertEqual(process.cpu_seconds(os.getpid(), without=os.getpid()), 0)


if __name__ == "__main__":
    unittest.main()
