#pragma once

#include "aero/report/report.h"

#include <string>
#include <vector>

namespace aero::report {

/// Models side by side, the first the baseline, as the papers' tables stand: nonlinear operations,
/// FLOPs as they count, communication and latency by the first cost model of each, and the factors
/// saved against the baseline.
std::string comparison_markdown(const std::vector<Report>& reports);

/// The same for papers; the remarks are comments.
std::string comparison_latex(const std::vector<Report>& reports);

/// The same unrounded: architecture, family, context, operations, ffn_flops, attention_flops,
/// comm_bytes, latency_s, comm_factor, latency_factor.
std::string comparison_csv(const std::vector<Report>& reports);

/// {"baseline": architecture, "models": [{"report": as to_json(), "comm_factor",
/// "latency_factor"}]}, a factor null where no cost model was asked for.
std::string comparison_json(const std::vector<Report>& reports);

/// "SM: 144 x R^{128x128}, LN: 24 x R^{128x768}", as the papers list them.
std::string papers_operations(const std::vector<cost::Operation>& operations);

}  // namespace aero::report
