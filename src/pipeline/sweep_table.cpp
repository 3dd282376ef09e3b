#include "aero/pipeline/sweep_table.h"

#include "aero/core/text.h"
#include "aero/pipeline/pareto.h"
#include "aero/pipeline/sweep_statistics.h"
#include "aero/report/comparison.h"
#include "aero/report/format.h"
#include "aero/report/table.h"

#include "measurement.h"
#include "numbers.h"
#include "output.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace aero::pipeline {
namespace {

using report::Align;

std::string spread_text(const Spread& spread) {
  if (!spread.mean) return "";
  const auto mean = perplexity_text(*spread.mean);
  return spread.deviation ? mean + " ± " + perplexity_text(*spread.deviation) : mean;
}

std::string bins_text(const MemberResult& member) {
  std::string text;
  if (!member.bins) return text;
  for (const double share : *member.bins) {
    text += fmt::format("{}{:.1f}%", text.empty() ? "" : " ", 100 * share);
  }
  return text;
}

/// "seed 2: step 812, blocks.3, loss"
std::string nonfinite_text(const MemberResult& member) {
  std::string text;
  for (const SeedResult& run : member.runs) {
    if (!run.state.nonfinite) continue;
    text += fmt::format("{}seed {}: {}", text.empty() ? "" : "; ", run.seed,
                        describe(*run.state.nonfinite));
  }
  return text;
}

/// The tokens of the run that was trained longest.
std::int64_t tokens_of(const MemberResult& member) {
  std::int64_t tokens = 0;
  for (const SeedResult& run : member.runs) tokens = std::max(tokens, run.state.tokens);
  return tokens;
}

std::string seeds_text(const MemberResult& member) {
  return fmt::format("{} of {}", member.perplexity.n, member.runs.size());
}

std::string number(const std::optional<double>& value) {
  return value ? shortest(*value) : "";
}

std::string share(const MemberResult& member, std::size_t bin) {
  return member.bins ? shortest((*member.bins)[bin]) : "";
}

/// "bytes" for a member on the front, "bytes (level)" where its lead is within the spread, "level
/// in bytes" where it is off the front within the spread; empty where it is off beyond the spread.
std::string standing_text(const Standing& standing, const std::string& cost) {
  if (standing.on_front.value_or(false)) return standing.level.empty() ? cost : cost + " (level)";
  return standing.level.empty() || standing.is_beaten ? "" : "level in " + cost;
}

std::string front_text(const Front& front) {
  const auto bytes = standing_text(front.bytes, "bytes");
  const auto seconds = standing_text(front.seconds, "seconds");
  return bytes + (bytes.empty() || seconds.empty() ? "" : ", ") + seconds;
}

std::string change_text(const MemberResult& member) {
  if (!member.change_percent) return "";
  const bool is_other = member.difference.mean.value_or(0) != 0;
  const bool is_level = is_other && member.difference.order() == Order::level;
  return fmt::format("{}{}", percent_change(*member.change_percent), is_level ? " (level)" : "");
}

bool evaluates_a_part(const MemberResult& member) {
  return std::ranges::any_of(member.runs, [](const SeedResult& run) {
    const auto& evaluations = run.state.evaluations;
    return !evaluations.empty() && evaluations.back().is_of_a_part.value_or(false);
  });
}

/// Lists the members whose perplexities do not compare; empty where all do.
std::string incomparable_remark(const std::vector<MemberResult>& members) {
  std::string list;
  for (const MemberResult& member : members) {
    if (member.measured_otherwise.empty()) continue;
    list += fmt::format("{}{} ({})", list.empty() ? "" : "; ", member.name,
                        settings_text(member.measured_otherwise));
  }
  if (list.empty()) return "";
  return fmt::format(
      "Measured on other tokens than the baseline, so that the perplexities do not compare: {}.",
      list);
}

/// Says what the spread shows. Two members with fewer than two seeds in common show none.
std::vector<std::string> spread_remarks(const std::vector<MemberResult>& members) {
  bool is_known = false;
  bool is_unknown = false;
  for (const MemberResult& member : members) {
    for (const MemberResult& other : members) {
      if (&other == &member || !member.perplexity.mean || !other.perplexity.mean) continue;
      if (!member.measured_otherwise.empty() || !other.measured_otherwise.empty()) continue;
      const auto difference = paired_difference(perplexities(member), perplexities(other));
      (difference.order() == Order::unknown ? is_unknown : is_known) = true;
    }
  }
  std::vector<std::string> lines;
  if (is_known) {
    lines.emplace_back(
        "level: the 95% interval of the paired differences over the seeds contains 0. A change is "
        "compared with the baseline, a place on the front with the models that cost no more.");
  }
  if (is_unknown) {
    lines.emplace_back(
        is_known
            ? "The spread between models with fewer than two finished seeds in common is unknown."
            : "The spread over seeds is unknown: it takes at least two finished seeds that models "
              "have in common.");
  }
  return lines;
}

bool is_charged(const SweepResult& result) {
  return std::ranges::any_of(result.members,
                             [](const MemberResult& member) { return !member.report.pi.empty(); });
}

std::vector<report::Column> titles(bool charged) {
  std::vector<report::Column> columns{{"architecture"},
                                      {"member"},
                                      {"perplexity", Align::right},
                                      {"seeds", Align::right},
                                      {"change", Align::right}};
  if (charged) {
    columns.push_back({"communication", Align::right});
    columns.push_back({"latency", Align::right});
    columns.push_back({"Pareto front"});
  }
  columns.push_back({"parameters", Align::right});
  columns.push_back({"FFN", Align::right});
  columns.push_back({"attention", Align::right});
  columns.push_back({"nonlinear operations"});
  columns.push_back({"heads by entropy"});
  columns.push_back({"tokens", Align::right});
  columns.push_back({"first non-finite step"});
  return columns;
}

std::vector<std::string> row(const MemberResult& member, const Front& front, bool charged) {
  const auto& flops = member.report.flops.paper;
  std::vector<std::string> cells{member.report.architecture, member.name,
                                 spread_text(member.perplexity), seeds_text(member),
                                 change_text(member)};
  if (charged) {
    const auto bytes = bytes_of(member);
    const auto seconds = seconds_of(member);
    cells.push_back(bytes ? report::traffic_text(*bytes) : "");
    cells.push_back(seconds ? report::latency_text(*seconds) : "");
    cells.push_back(front_text(front));
  }
  cells.push_back(report::with_thousands(member.report.parameters.total()));
  cells.push_back(report::flops_text(flops.ffn));
  cells.push_back(report::flops_text(flops.attention));
  cells.push_back(report::papers_operations(member.report.operations));
  cells.push_back(bins_text(member));
  cells.push_back(report::with_thousands(tokens_of(member)));
  cells.push_back(nonfinite_text(member));
  return cells;
}

report::Table table_of(const SweepResult& result) {
  const bool charged = is_charged(result);
  report::Table table(titles(charged));
  const auto front = fronts(result.members);
  for (std::size_t i = 0; i < front.size(); ++i) {
    table.add_row(row(result.members[i], front[i], charged));
  }
  return table;
}

}  // namespace

std::string rows_markdown(const SweepResult& result) {
  return table_of(result).to_markdown();
}

std::string to_latex(const SweepResult& result) {
  return table_of(result).to_latex() + report::latex_comments(remarks_markdown(result.members));
}

std::string remarks_markdown(const std::vector<MemberResult>& members) {
  std::vector<std::vector<report::PrivateInference>> costs;
  costs.reserve(members.size());
  for (const MemberResult& member : members) costs.push_back(member.report.pi);
  const auto text = report::remarks_markdown(costs);
  auto lines = spread_remarks(members);
  const auto incomparable = incomparable_remark(members);
  if (!incomparable.empty()) lines.push_back(incomparable);
  if (std::ranges::any_of(members, evaluates_a_part)) {
    lines.emplace_back(
        "The perplexities are of the first contexts of the validation split, not of all "
        "(eval.batches).");
  }
  const auto more = report::bullets(lines);
  return text.empty() && !more.empty() ? "\n" + more : text + more;
}

std::string to_markdown(const SweepResult& result) {
  return rows_markdown(result) + remarks_markdown(result.members);
}

std::string to_csv(const SweepResult& result) {
  report::Table table({{"architecture"},
                       {"member"},
                       {"perplexity"},
                       {"perplexity_std"},
                       {"seeds_finished"},
                       {"seeds"},
                       {"change_percent"},
                       {"parameters"},
                       {"ffn_flops"},
                       {"attention_flops"},
                       {"operations"},
                       {"comm_bytes"},
                       {"latency_s"},
                       {"cost_model"},
                       {"network"},
                       {"pareto"},
                       {"bin_1"},
                       {"bin_2"},
                       {"bin_3"},
                       {"bin_4"},
                       {"tokens"},
                       {"nonfinite"},
                       {"measured_otherwise"}});
  const auto front = fronts(result.members);
  for (std::size_t i = 0; i < front.size(); ++i) {
    const MemberResult& member = result.members[i];
    const auto& pi = member.report.pi;
    table.add_row({member.report.architecture,
                   member.name,
                   number(member.perplexity.mean),
                   number(member.perplexity.deviation),
                   std::to_string(member.perplexity.n),
                   std::to_string(member.runs.size()),
                   number(member.change_percent),
                   std::to_string(member.report.parameters.total()),
                   std::to_string(member.report.flops.paper.ffn),
                   std::to_string(member.report.flops.paper.attention),
                   report::papers_operations(member.report.operations),
                   number(bytes_of(member)),
                   number(seconds_of(member)),
                   pi.empty() ? "" : pi.front().cost.cost_model,
                   pi.empty() ? "" : pi.front().cost.network,
                   front_text(front[i]),
                   share(member, 0),
                   share(member, 1),
                   share(member, 2),
                   share(member, 3),
                   std::to_string(tokens_of(member)),
                   nonfinite_text(member),
                   settings_text(member.measured_otherwise)});
  }
  return table.to_csv();
}

namespace {

std::vector<OutputFile> files_of(const Sweep& sweep, const std::string& name,
                                 const SweepResult& result) {
  return {{sweep.folder / (name + ".md"), to_markdown(result)},
          {sweep.folder / (name + ".csv"), to_csv(result)},
          {sweep.folder / (name + ".json"), to_json(result)}};
}

}  // namespace

WrittenSweep write_tables(const Sweep& sweep) {
  WrittenSweep written;
  // Without the lock, a process that read the run folders earlier could overwrite the newer table
  // of another process.
  const auto lock = wait_for_tables(sweep.folder, sweep.name, written.faults);
  written.result = collect(sweep);
  auto files = files_of(sweep, sweep.name, written.result);
  if (sweep.pricings.asked) {
    charge(written.result.members, *sweep.pricings.asked);
    std::ranges::move(files_of(sweep, table_name(sweep.name, sweep.pricings), written.result),
                      std::back_inserter(files));
  }
  std::ranges::move(write_all(files), std::back_inserter(written.faults));
  return written;
}

}  // namespace aero::pipeline
