// SPDX-License-Identifier: Apache-2.0
//
// Family: one name of GET /metrics, with its series. Private to control/rest.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "control/serve/core.h"

namespace slipway::control {

inline constexpr auto kCounter = prometheus::MetricType::Counter;
inline constexpr auto kGauge = prometheus::MetricType::Gauge;
inline constexpr auto kHistogram = prometheus::MetricType::Histogram;

using Labels = std::vector<prometheus::ClientMetric::Label>;

class Family {
 public:
  Family(std::string name, std::string help, prometheus::MetricType type)
      : family_{std::move(name), std::move(help), type, {}} {}

  void Add(Labels labels, std::uint64_t value) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = static_cast<double>(value);
    metric.gauge.value = static_cast<double>(value);
    family_.metric.push_back(std::move(metric));
  }
  // A histogram of bursts of 1, 2 to 3, 4 to 7, ... frames.
  void Add(Labels labels, const dataplane::BurstHistogram& bursts) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < bursts.counts.size(); ++i) {
      count += bursts.counts[i];
      const bool last = i + 1 == bursts.counts.size();
      metric.histogram.bucket.push_back(
          {.cumulative_count = count,
           .upper_bound = last ? std::numeric_limits<double>::infinity()
                               : static_cast<double>((std::uint64_t{2} << i) - 1)});
    }
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = static_cast<double>(bursts.frames);
    family_.metric.push_back(std::move(metric));
  }
  void Add(Labels labels, const BootDurations& durations) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < durations.counts.size(); ++i) {
      count += durations.counts[i];
      const bool last = i == BootDurations::kUpTo.size();
      metric.histogram.bucket.push_back(
          {.cumulative_count = count,
           .upper_bound =
               last ? std::numeric_limits<double>::infinity() : BootDurations::kUpTo[i]});
    }
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = durations.sum;
    family_.metric.push_back(std::move(metric));
  }
  prometheus::MetricFamily family() && { return std::move(family_); }

 private:
  prometheus::MetricFamily family_;
};

// How boots ended and how long they took: of all, of each image set, of each network.
void CollectBoots(Core& core, std::vector<prometheus::MetricFamily>& families);

}  // namespace slipway::control
