#pragma once

#include "aero/report/report.h"

#include <string>
#include <vector>

namespace aero::report {

/// Writes a table of models side by side, as in the papers: nonlinear operations, FLOPs as the
/// papers count them, communication and latency by the first cost model of each report, and the
/// factors saved against the baseline, which is the first model.
std::string comparison_markdown(const std::vector<Report>& reports);

/// Writes the same table for papers; the remarks are LaTeX comments.
std::string comparison_latex(const std::vector<Report>& reports);

/// Writes the same, unrounded: architecture, family, context, operations, ffn_flops,
/// attention_flops, comm_bytes, latency_s, comm_factor, latency_factor.
std::string comparison_csv(const std::vector<Report>& reports);

/// Writes {"baseline": architecture, "models": [{"report": as to_json(), "comm_factor",
/// "latency_factor"}]}. A factor is null if no cost model was asked for.
std::string comparison_json(const std::vector<Report>& reports);

/// Lists operations as the papers do: "SM: 144 x R^{128x128}, LN: 24 x R^{128x768}".
std::string papers_operations(const std::vector<cost::Operation>& operations);

}  // namespace aero::report
