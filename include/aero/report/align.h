#pragma once

namespace aero::report {

/// The side on which a column of a table is aligned.
enum class Align { left, right };

}  // namespace aero::report
