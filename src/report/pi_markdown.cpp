#include "pi_markdown.h"

#include "aero/core/text.h"
#include "aero/report/format.h"
#include "aero/report/table.h"

#include "forward_text.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace aero::report {
namespace {

std::string share_text(double part, double whole) {
  return whole > 0 ? fmt::format("{:.1f}%", 100 * part / whole) : "";
}

std::string rounds_text(const std::optional<double>& rounds) {
  return rounds ? fmt::format("{:.0f}", *rounds) : "unknown to this cost model";
}

std::string latency_or_why_not(const cost::PiCost& cost) {
  if (cost.latency_seconds) return latency_text(*cost.latency_seconds);
  return cost.rounds && cost.compute_seconds ? "name a network" : "unknown to this cost model";
}

std::string compute_text(const std::optional<double>& seconds) {
  return seconds ? fmt::format("{:.2f} s", *seconds) : "";
}

std::string totals(const cost::PiCost& cost) {
  Table table({{"total"}, {"", Align::right}});
  table.add_row({"communication, both directions", traffic_text(cost.comm_bytes)});
  table.add_row({"rounds", rounds_text(cost.rounds)});
  if (cost.compute_seconds) table.add_row({"computation", latency_text(*cost.compute_seconds)});
  table.add_row({"latency", latency_or_why_not(cost)});
  if (cost.setup_bytes) {
    table.add_row({"set-up, once a session",
                   traffic_text(*cost.setup_bytes) +
                       (cost.setup_seconds ? ", " + latency_text(*cost.setup_seconds) : "")});
  }
  return table.to_markdown();
}

/// One line for operations of one name.
struct Line {
  cost::ForwardOperation first;
  std::int64_t count = 0;
  double bytes = 0;
  std::optional<double> rounds = 0;
  std::optional<double> seconds = 0;
};

std::optional<double> sum(const std::optional<double>& a, const std::optional<double>& b) {
  return a && b ? std::optional(*a + *b) : std::nullopt;
}

std::vector<Line> lines_of(const cost::PiCost& cost) {
  std::vector<Line> lines;
  for (const auto& priced : cost.operations) {
    const cost::ForwardOperation& operation = priced.operation;
    const cost::Price& price = priced.price;
    const auto same = [&operation](const Line& line) { return line.first.name == operation.name; };
    auto line = std::ranges::find_if(lines, same);
    if (line == lines.end()) line = lines.insert(line, Line{.first = operation});
    line->count += operation.count;
    line->bytes += price.bytes;
    line->rounds = sum(line->rounds, price.rounds);
    line->seconds = sum(line->seconds, price.compute_seconds);
  }
  return lines;
}

std::string operations(const cost::PiCost& cost) {
  Table table({{"operation"},
               {"primitive"},
               {"count and shape"},
               {"communication", Align::right},
               {"share", Align::right},
               {"rounds", Align::right},
               {"computation", Align::right}});
  for (const Line& line : lines_of(cost)) {
    table.add_row({line.first.name, std::string(cost::traits(line.first.primitive).name),
                   shape_text(line.first, line.count), traffic_text(line.bytes),
                   share_text(line.bytes, cost.comm_bytes),
                   line.rounds ? fmt::format("{:.0f}", *line.rounds) : "",
                   compute_text(line.seconds)});
  }
  return table.to_markdown();
}

std::string layers(const cost::PiCost& cost) {
  Table table({{"where"},
               {"communication", Align::right},
               {"share", Align::right},
               {"computation", Align::right}});
  for (const Share& share : by_layer(cost)) {
    table.add_row({share.name, traffic_text(share.bytes), share_text(share.bytes, cost.comm_bytes),
                   compute_text(share.compute_seconds)});
  }
  return table.to_markdown();
}

std::string change_text(double now, double then) {
  return then > 0 ? fmt::format("{:+.2f}%", 100 * (now / then - 1)) : "";
}

std::string sensitivities(const PrivateInference& entry) {
  if (entry.sensitivities.empty()) return "";
  Table table({{"if"},
               {"communication", Align::right},
               {"change", Align::right},
               {"latency", Align::right},
               {"change", Align::right}});
  const auto& given = entry.cost;
  std::vector<std::string> unpriced;
  for (const auto& [assumption, bytes, seconds, reason] : entry.sensitivities) {
    if (!reason.empty()) {
      table.add_row({assumption, "unknown", "", "", ""});
      unpriced.push_back(fmt::format("No price if {}: {}", assumption, reason));
      continue;
    }
    table.add_row(
        {assumption, traffic_text(bytes), change_text(bytes, given.comm_bytes),
         seconds ? latency_text(*seconds) : "",
         seconds && given.latency_seconds ? change_text(*seconds, *given.latency_seconds) : ""});
  }
  return "\nIf one assumption were different:\n\n" + table.to_markdown() +
         (unpriced.empty() ? "" : "\n" + bullets(unpriced));
}

}  // namespace

std::string pi_markdown(const PrivateInference& entry) {
  const auto& cost = entry.cost;
  const std::string notes = bullets(remarks(cost));
  const std::string network = cost.network.empty() ? "" : ", network " + cost.network;
  return fmt::format("\n## Private inference: {}{}, {}\n\n{}{}\n{}\n{}{}", cost.cost_model, network,
                     entry.pass, totals(cost), notes.empty() ? "" : "\n" + notes, operations(cost),
                     layers(cost), sensitivities(entry));
}

}  // namespace aero::report
