#pragma once

#include <cstdint>
#include <string>

namespace aero::report {

/// "124,439,808"
std::string with_thousands(std::int64_t number);

/// In the largest unit of 1000s that leaves at least 1: "14.50 GFLOPs", "640 FLOPs".
std::string flops_text(std::int64_t flops);

/// In the largest unit of 1024s that leaves at least 1: "474.70 MiB", "640 B".
std::string bytes_text(std::int64_t bytes);

/// In the largest unit of 1000s that leaves at least 1, as traffic is counted: "25.32 GB", "640 B".
std::string traffic_text(double bytes);

/// "7.31 s"; from 100 s on "8.21 min", as the papers' tables print.
std::string latency_text(double seconds);

/// "59 s", "3 min 20 s", "2 h 05 min"
std::string seconds_text(double seconds);

}  // namespace aero::report
