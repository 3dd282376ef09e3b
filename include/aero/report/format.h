#pragma once

#include <cstdint>
#include <string>

namespace aero::report {

/// Writes a number with commas: "124,439,808".
std::string with_thousands(std::int64_t number);

/// Writes FLOPs in the largest unit of 1000s that leaves at least 1: "14.50 GFLOPs", "640 FLOPs".
std::string flops_text(std::int64_t flops);

/// Writes bytes in the largest unit of 1024s that leaves at least 1: "474.70 MiB", "640 B".
std::string bytes_text(std::int64_t bytes);

/// Writes traffic in the largest unit of 1000s that leaves at least 1: "25.32 GB", "640 B".
std::string traffic_text(double bytes);

/// Writes a latency as the papers' tables do: "7.31 s", and from 100 s on "8.21 min".
std::string latency_text(double seconds);

/// Writes a time: "59 s", "3 min 20 s", "2 h 05 min".
std::string seconds_text(double seconds);

}  // namespace aero::report
