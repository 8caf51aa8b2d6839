#include "kernel_bodies.h"

namespace nonneg {

const std::vector<integer_name> integer_names = {
    {"rows", &sizes::rows},         {"columns", &sizes::columns},
    {"rank", &sizes::rank},         {"stride", &sizes::stride},
    {"nonzeros", &sizes::nonzeros}, {"length", &sizes::length},
    {"row", &sizes::row},           {"column", &sizes::column},
    {"seed", &sizes::seed},         {"threshold", &sizes::threshold},
    {"moving", &sizes::moving},     {"weighted", &sizes::weighted},
    {"push", &sizes::push},         {"bend", &sizes::bend},
    {"measure", &sizes::measure},   {"zeros", &sizes::zeros},
    {"shared", &sizes::shared},     {"complement", &sizes::complement},
    {"draw", &sizes::draw},         {"first", &sizes::first},
    {"count", &sizes::count},       {"total", &sizes::total},
    {"remember", &sizes::remember},
};

const std::vector<number_name> number_names = {
    {"l1", &sizes::l1},      {"l2", &sizes::l2},         {"beta", &sizes::beta},   {"gamma", &sizes::gamma},
    {"step", &sizes::step},  {"weight", &sizes::weight}, {"keep", &sizes::keep},   {"most", &sizes::most},
    {"rate", &sizes::rate},  {"scale", &sizes::scale},   {"noise", &sizes::noise}, {"limit", &sizes::limit},
    {"ratio", &sizes::ratio}};

namespace {

double panel_of_X(const sizes& d) {
  return d.rows == 0 || d.columns == 0 ? 0 : double(d.rows - 1) * double(d.stride) + double(d.columns);
}
double rows_by_rank(const sizes& d) {
  return double(d.rows) * double(d.rank);
}
double columns_by_rank(const sizes& d) {
  return double(d.columns) * double(d.rank);
}
double rank_squared(const sizes& d) {
  return double(d.rank) * double(d.rank);
}
double rows_by_columns(const sizes& d) {
  return double(d.rows) * double(d.columns);
}
double model_of_tile(const sizes& d) {
  return d.rank == 0 || d.columns == 0 ? 0 : double(d.rank - 1) * double(d.stride) + double(d.columns);
}
double row_pointers(const sizes& d) {
  return double(d.rows) + 1;
}
double entries(const sizes& d) {
  return double(d.nonzeros);
}
double elements(const sizes& d) {
  return double(d.length);
}
double one(const sizes&) {
  return 1;
}
double length_of_P(const sizes& d) {
  return d.shared & 1 ? double(d.rank) : rows_by_rank(d);
}
int64_t no_scratch(const sizes&) {
  return 0;
}

constexpr parameter_type element = parameter_type::element;
constexpr parameter_type f64 = parameter_type::f64;
constexpr parameter_type u32 = parameter_type::u32;

} // namespace

const std::vector<kernel>& kernel_list() {
  using f = body<float>;
  using g = body<double>;
  static const std::vector<kernel> all = {
      {"xht_dense",
       {{"X", element, panel_of_X}, {"Ht", element, columns_by_rank}, {"N", element, rows_by_rank}},
       no_scratch,
       f::xht_dense,
       g::xht_dense},
      {"xtw_dense",
       {{"X", element, panel_of_X}, {"W", element, rows_by_rank}, {"A", element, columns_by_rank}},
       no_scratch,
       f::xtw_dense,
       g::xtw_dense},
      {"xht_csr",
       {{"indptr", u32, row_pointers},
        {"indices", u32, entries},
        {"values", element, entries},
        {"Ht", element, columns_by_rank},
        {"N", element, rows_by_rank}},
       no_scratch,
       f::xht_csr,
       g::xht_csr},
      {"gram", {{"F", element, rows_by_rank}, {"G", element, rank_squared}}, no_scratch, f::gram, g::gram},
      {"hals_update",
       {{"F", element, rows_by_rank},
        {"N", element, rows_by_rank},
        {"G", element, rank_squared},
        {"violation", f64, one}},
       [](const sizes& d) { return hals_scratch<float>(d.rank); },
       f::hals_update,
       g::hals_update},
      {"bpp_update",
       {{"F", element, rows_by_rank},
        {"N", element, rows_by_rank},
        {"G", element, rank_squared},
        {"violation", f64, one}},
       [](const sizes& d) { return 2 * bpp_scratch(d.rank); },
       f::bpp_update,
       g::bpp_update},
      {"bpp_dense",
       {{"X", element, panel_of_X},
        {"V", element, panel_of_X},
        {"O", element, columns_by_rank},
        {"F", element, rows_by_rank},
        {"loss", f64, one},
        {"violation", f64, one}},
       [](const sizes& d) { return 2 * weighed_scratch(d.rank); },
       f::bpp_dense,
       g::bpp_dense},
      {"bpp_csr",
       {{"indptr", u32, row_pointers},
        {"indices", u32, entries},
        {"values", element, entries},
        {"weights", element, entries},
        {"O", element, columns_by_rank},
        {"F", element, rows_by_rank},
        {"loss", f64, one},
        {"violation", f64, one}},
       [](const sizes& d) { return 2 * weighed_scratch(d.rank); },
       f::bpp_csr,
       g::bpp_csr},
      {"extrapolate", {{"F", element, elements}, {"P", element, elements}}, no_scratch, f::extrapolate, g::extrapolate},
      {"gram_bound",
       {{"G", element, rank_squared}, {"bound", f64, one}},
       [](const sizes& d) { return 2 * bound_scratch(d.rank); },
       f::gram_bound,
       g::gram_bound},
      {"sgd_update",
       {{"F", element, rows_by_rank},
        {"N", element, rows_by_rank},
        {"G", element, rank_squared},
        {"D", element, [](const sizes& d) { return d.remember ? rows_by_rank(d) : 0; }},
        {"sums", f64, [](const sizes&) { return 2.0; }}},
       [](const sizes& d) { return sgd_scratch(d.rank); },
       f::sgd_update,
       g::sgd_update},
      {"svrmu_update",
       {{"F", element, rows_by_rank},
        {"N", element, rows_by_rank},
        {"M", element, rows_by_rank},
        {"F0", element, rows_by_rank},
        {"A", element, rows_by_rank},
        {"G", element, rank_squared},
        {"K", element, rank_squared},
        {"S", element, rank_squared}},
       [](const sizes& d) { return svrmu_scratch(d.rank); },
       f::svrmu_update,
       g::svrmu_update},
      {"mu_update",
       {{"F", element, rows_by_rank}, {"N", element, rows_by_rank}, {"G", element, rank_squared}},
       [](const sizes& d) { return mu_scratch(d.rank); },
       f::mu_update,
       g::mu_update},
      {"wh_dense",
       {{"W", element, rows_by_rank}, {"H", element, model_of_tile}, {"U", element, rows_by_columns}},
       no_scratch,
       f::wh_dense,
       g::wh_dense},
      {"beta_terms",
       {{"X", element, panel_of_X},
        {"V", element, [](const sizes& d) { return d.weighted ? panel_of_X(d) : 0; }},
        {"U", element, rows_by_columns},
        {"P", element, [](const sizes& d) { return d.push ? rows_by_columns(d) : 0; }},
        {"C", element, [](const sizes& d) { return d.bend ? rows_by_columns(d) : 0; }},
        {"loss", f64, one}},
       no_scratch,
       f::beta_terms,
       g::beta_terms},
      {"beta_xht_csr",
       {{"indptr", u32, row_pointers},
        {"indices", u32, entries},
        {"values", element, entries},
        {"weights", element, [](const sizes& d) { return d.weighted ? entries(d) : 0; }},
        {"F", element, rows_by_rank},
        {"O", element, columns_by_rank},
        {"norms", element, [](const sizes& d) { return d.bend ? double(d.columns) : 0; }},
        {"N", element, rows_by_rank},
        {"P", element, [](const sizes& d) { return d.push ? rows_by_rank(d) : 0; }},
        {"L", element, [](const sizes& d) { return d.bend ? double(d.rows) : 0; }},
        {"loss", f64, one}},
       no_scratch,
       f::beta_xht_csr,
       g::beta_xht_csr},
      {"mu_ratio",
       {{"F", element, rows_by_rank}, {"N", element, rows_by_rank}, {"P", element, length_of_P}},
       no_scratch,
       f::mu_ratio,
       g::mu_ratio},
      {"online_update",
       {{"F", element, rows_by_rank},
        {"A", element, rows_by_rank},
        {"B", element, rows_by_rank},
        {"N", element, rows_by_rank},
        {"P", element, length_of_P}},
       no_scratch,
       f::online_update,
       g::online_update},
      {"pg_step",
       {{"F", element, rows_by_rank},
        {"N", element, rows_by_rank},
        {"P", element, length_of_P},
        {"L", element, [](const sizes& d) { return d.shared & 2 ? 1 : double(d.rows); }},
        {"violation", f64, one}},
       no_scratch,
       f::pg_step,
       g::pg_step},
      {"cd_dense",
       {{"X", element, panel_of_X},
        {"V", element, [](const sizes& d) { return d.weighted ? panel_of_X(d) : 0; }},
        {"O", element, columns_by_rank},
        {"F", element, rows_by_rank},
        {"loss", f64, one},
        {"violation", f64, one}},
       [](const sizes& d) { return d.columns; },
       f::cd_dense,
       g::cd_dense},
      {"cd_csr",
       {{"indptr", u32, row_pointers},
        {"indices", u32, entries},
        {"values", element, entries},
        {"weights", element, [](const sizes& d) { return d.weighted ? entries(d) : 0; }},
        {"O", element, columns_by_rank},
        {"sums", element, [](const sizes& d) { return d.zeros ? double(d.rank) : 0; }},
        {"F", element, rows_by_rank},
        {"loss", f64, one},
        {"violation", f64, one}},
       cd_csr_scratch,
       f::cd_csr,
       g::cd_csr},
      {"holdout", {{"V", element, rows_by_columns}}, no_scratch, f::holdout, g::holdout},
      {"dot", {{"a", element, elements}, {"b", element, elements}, {"sum", f64, one}}, no_scratch, f::dot, g::dot},
  };
  return all;
}

} // namespace nonneg
