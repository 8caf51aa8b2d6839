#include "kernel_list.h"

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

// Rows that list many columns gather coordinate by coordinate, the others once: both ways are taken.
int64_t cd_csr_scratch(const sizes& d) {
  return cd_scratch(d.columns) + d.rank * d.columns / 4;
}

constexpr parameter_type element = parameter_type::element;
constexpr parameter_type f64 = parameter_type::f64;
constexpr parameter_type u32 = parameter_type::u32;

template<class T> struct body {
  using table = nonneg_kernels<T>;

  static void xht_dense(const table& k, const sizes& d, const windows& b, T*) {
    k.xht_dense(d.rows, d.columns, d.rank, b[0].at<T>(), d.stride, b[1].at<T>(), d.rank, b[2].at<T>(), d.rank);
  }
  static void xtw_dense(const table& k, const sizes& d, const windows& b, T*) {
    k.xtw_dense(d.rows, d.columns, d.rank, b[0].at<T>(), d.stride, b[1].at<T>(), d.rank, b[2].at<T>(), d.rank);
  }
  static void xht_csr(const table& k, const sizes& d, const windows& b, T*) {
    k.xht_csr(d.rows, d.rank, b[0].at<uint32_t>(), b[1].at<uint32_t>(), b[2].at<T>(), b[3].at<T>(), d.rank,
              b[4].at<T>(), d.rank);
  }
  static void gram(const table& k, const sizes& d, const windows& b, T*) {
    k.gram(d.rows, d.rank, b[0].at<T>(), d.rank, b[1].at<T>(), d.rank);
  }
  static void mu_update(const table& k, const sizes& d, const windows& b, T* scratch) {
    k.mu_update(d.rows, d.rank, b[0].at<T>(), d.rank, b[1].at<T>(), d.rank, b[2].at<T>(), d.rank, d.terms<T>(),
                scratch);
  }
  static void wh_dense(const table& k, const sizes& d, const windows& b, T*) {
    k.wh_dense(d.rows, d.columns, d.rank, b[0].at<T>(), d.rank, b[1].at<T>(), d.stride, b[2].at<T>(), d.columns);
  }
  static void beta_terms(const table& k, const sizes& d, const windows& b, T*) {
    tile_of_X<T> tile;
    tile.rows = d.rows;
    tile.columns = d.columns;
    tile.X = b[0].at<T>();
    tile.V = d.weighted ? b[1].at<T>() : nullptr;
    tile.ldx = tile.ldv = d.stride;
    tile.U = b[2].at<T>();
    tile.P = d.push ? b[3].at<T>() : nullptr;
    tile.C = d.bend ? b[4].at<T>() : nullptr;
    tile.ldu = d.columns;
    tile.loss = d.measure ? b[5].at<double>() : nullptr;
    tile.beta = d.beta;
    k.beta_terms(tile);
  }
  static void beta_xht_csr(const table& k, const sizes& d, const windows& b, T*) {
    entries_of_X<T> e;
    e.rows = d.rows;
    e.rank = e.ldf = e.ldo = e.ldn = e.ldp = d.rank;
    e.indptr = b[0].at<uint32_t>();
    e.indices = b[1].at<uint32_t>();
    e.values = b[2].at<T>();
    e.weights = d.weighted ? b[3].at<T>() : nullptr;
    e.F = b[4].at<T>();
    e.O = b[5].at<T>();
    e.norms = b[6].at<T>();
    e.N = b[7].at<T>();
    e.P = d.push ? b[8].at<T>() : nullptr;
    e.L = d.bend ? b[9].at<T>() : nullptr;
    e.loss = d.measure ? b[10].at<double>() : nullptr;
    e.beta = d.beta;
    e.zeros = d.zeros != 0;
    k.beta_xht_csr(e);
  }
  static void mu_ratio(const table& k, const sizes& d, const windows& b, T*) {
    k.mu_ratio(d.rows, d.rank, b[0].at<T>(), d.rank, b[1].at<T>(), d.rank, b[2].at<T>(), d.shared ? 0 : d.rank, d.gamma,
               d.terms<T>());
  }
  static void online_update(const table& k, const sizes& d, const windows& b, T*) {
    k.online_update(d.rows, d.rank, b[0].at<T>(), b[1].at<T>(), b[2].at<T>(), d.rank, b[3].at<T>(), d.rank,
                    b[4].at<T>(), d.shared ? 0 : d.rank, d.gamma, T(d.keep), d.terms<T>());
  }
  static void pg_step(const table& k, const sizes& d, const windows& b, T*) {
    *b[4].at<double>() +=
        k.pg_step(d.rows, d.rank, b[0].at<T>(), d.rank, b[1].at<T>(), d.rank, b[2].at<T>(), d.shared & 1 ? 0 : d.rank,
                  b[3].at<T>(), d.shared & 2 ? 0 : 1, T(d.step), d.terms<T>());
  }
  static void cd_dense(const table& k, const sizes& d, const windows& b, T* scratch) {
    descent_of_tile<T> a;
    a.rows = d.rows;
    a.columns = a.ldo = d.columns;
    a.rank = a.ldf = d.rank;
    a.X = b[0].at<T>();
    a.V = d.weighted ? b[1].at<T>() : nullptr;
    a.ldx = a.ldv = d.stride;
    a.O = b[2].at<T>();
    a.F = b[3].at<T>();
    a.loss = d.measure ? b[4].at<double>() : nullptr;
    a.violation = b[5].at<double>();
    a.beta = d.beta;
    a.terms = d.terms<T>();
    a.scratch = scratch;
    k.cd_dense(a);
  }
  static void cd_csr(const table& k, const sizes& d, const windows& b, T* scratch) {
    descent_of_entries<T> a;
    a.rows = d.rows;
    a.rank = a.ldf = a.ldo = d.rank;
    a.indptr = b[0].at<uint32_t>();
    a.indices = b[1].at<uint32_t>();
    a.values = b[2].at<T>();
    a.weights = d.weighted ? b[3].at<T>() : nullptr;
    a.O = b[4].at<T>();
    a.sums = d.zeros ? b[5].at<T>() : nullptr;
    a.F = b[6].at<T>();
    a.loss = d.measure ? b[7].at<double>() : nullptr;
    a.violation = b[8].at<double>();
    a.beta = d.beta;
    a.terms = d.terms<T>();
    a.scratch = scratch;
    a.scratch_length = cd_csr_scratch(d);
    k.cd_csr(a);
  }
  static void holdout(const table& k, const sizes& d, const windows& b, T*) {
    k.holdout(d.rows, d.columns, uint32_t(d.row), uint32_t(d.column), uint32_t(d.seed), uint32_t(d.threshold),
              d.complement != 0, b[0].at<T>(), d.columns);
  }
  static void hals_update(const table& k, const sizes& d, const windows& b, T* scratch) {
    *b[3].at<double>() += k.hals_update(d.rows, d.rank, b[0].at<T>(), d.rank, b[1].at<T>(), d.rank, b[2].at<T>(),
                                        d.rank, d.terms<T>(), scratch);
  }
  static void bpp_update(const table& k, const sizes& d, const windows& b, T* scratch) {
    *b[3].at<double>() += k.bpp_update(d.rows, d.rank, b[0].at<T>(), d.rank, b[1].at<T>(), d.rank, b[2].at<T>(), d.rank,
                                       d.terms<T>(), reinterpret_cast<double*>(scratch));
  }
  static void sgd_update(const table& k, const sizes& d, const windows& b, T* scratch) {
    gradient_step<T> a;
    a.rows = d.rows;
    a.rank = a.ld = a.ldg = d.rank;
    a.F = b[0].at<T>();
    a.N = b[1].at<T>();
    a.G = b[2].at<T>();
    a.D = d.remember ? b[3].at<T>() : nullptr;
    a.sums = b[4].at<double>();
    a.rate = d.rate;
    a.scale = d.scale;
    a.noise = d.noise;
    a.seed = uint32_t(d.seed);
    a.draw = uint32_t(d.draw);
    a.first = uint32_t(d.first);
    a.limit = d.limit;
    a.terms = d.terms<T>();
    a.scratch = scratch;
    k.sgd_update(a);
  }
  static void svrmu_update(const table& k, const sizes& d, const windows& b, T* scratch) {
    reduced_update<T> a;
    a.rows = d.rows;
    a.rank = a.ld = a.ldg = d.rank;
    a.F = b[0].at<T>();
    a.N = b[1].at<T>();
    a.M = b[2].at<T>();
    a.F0 = b[3].at<T>();
    a.A = b[4].at<T>();
    a.G = b[5].at<T>();
    a.K = b[6].at<T>();
    a.S = b[7].at<T>();
    a.count = double(d.count);
    a.total = double(d.total);
    a.ratio = d.ratio;
    a.terms = d.terms<T>();
    a.scratch = scratch;
    k.svrmu_update(a);
  }
  static void gram_bound(const table& k, const sizes& d, const windows& b, T* scratch) {
    *b[1].at<double>() = k.gram_bound(d.rank, b[0].at<T>(), d.rank, reinterpret_cast<double*>(scratch));
  }
  static void extrapolate(const table& k, const sizes& d, const windows& b, T*) {
    k.extrapolate(d.length, b[0].at<T>(), b[1].at<T>(), T(d.weight), T(d.most));
  }
  static void dot(const table& k, const sizes& d, const windows& b, T*) {
    *b[2].at<double>() = k.dot(d.length, b[0].at<T>(), b[1].at<T>());
  }
};

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
