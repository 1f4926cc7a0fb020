//! The layout of the panes.

use std::collections::HashSet;

use eframe::egui;
use egui_tiles::{Container, GridLayout, Linear, LinearDir, Tile, TileId, Tiles, Tree};

use crate::panels::Pane;

/// What is in front in the default layout, and first where there is room for one.
pub const FIRST: [Pane; 5] = [
    Pane::Confusion,
    Pane::Curves,
    Pane::Embedding,
    Pane::Utterances,
    Pane::Inspector,
];

/// The default layout.
pub fn standard() -> Tree<Pane> {
    let mut tiles = Tiles::default();
    let confusion = tiles.insert_pane(Pane::Confusion);
    let curves = tiles.insert_pane(Pane::Curves);
    let embedding = tiles.insert_pane(Pane::Embedding);
    let utterances = tiles.insert_pane(Pane::Utterances);
    let inspector = tiles.insert_pane(Pane::Inspector);
    let training = tiles.insert_pane(Pane::Training);
    let comparison = tiles.insert_pane(Pane::Comparison);
    let intensities = tiles.insert_pane(Pane::Intensities);
    let modalities = tiles.insert_pane(Pane::Modalities);
    let slices = tiles.insert_pane(Pane::Slices);
    let left = tiles.insert_tab_tile(vec![confusion, intensities]);
    let middle = tiles.insert_tab_tile(vec![curves, modalities]);
    let right = tiles.insert_tab_tile(vec![embedding]);
    let above = tiles.insert_horizontal_tile(vec![left, middle, right]);
    let table = tiles.insert_tab_tile(vec![utterances, slices]);
    let mut detail = vec![inspector, training];
    #[cfg(not(target_arch = "wasm32"))]
    detail.push(tiles.insert_pane(Pane::Runs));
    detail.push(comparison);
    let detail = tiles.insert_tab_tile(detail);
    let below = Linear::new_binary(LinearDir::Horizontal, [table, detail], 0.46);
    let below = tiles.insert_new(Tile::Container(Container::Linear(below)));
    let root = Linear::new_binary(LinearDir::Vertical, [above, below], 0.52);
    let root = tiles.insert_new(Tile::Container(Container::Linear(root)));
    Tree::new(egui::Id::unique("panes"), root, tiles)
}

/// How much room the window has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Room {
    /// For panes beside each other.
    #[default]
    Wide,
    /// For one pane, with corpus, models and missing steps beside it.
    Narrow,
    /// For one pane, as on a phone; corpus, models and missing steps take its place when they are wanted.
    Phone,
}

impl Room {
    /// Of a window of this width, in points.
    pub fn of(width: f32) -> Self {
        match width {
            ..600.0 => Self::Phone,
            600.0..1000.0 => Self::Narrow,
            _ => Self::Wide,
        }
    }

    /// Of the tree of panes beside each other and the one of panes one at a time, what there is room for.
    pub const fn of_trees<'t>(
        self,
        beside: &'t Tree<Pane>,
        one_by_one: &'t Tree<Pane>,
    ) -> &'t Tree<Pane> {
        match self {
            Self::Wide => beside,
            Self::Narrow | Self::Phone => one_by_one,
        }
    }
}

/// The layout where there is room for one pane: all of them as tabs.
pub fn one_by_one() -> Tree<Pane> {
    let mut tiles = Tiles::default();
    let panes = Pane::ALL.iter().map(|pane| tiles.insert_pane(*pane));
    let panes = panes.collect();
    let root = tiles.insert_tab_tile(panes);
    Tree::new(egui::Id::unique("panes one by one"), root, tiles)
}

/// A stored layout, or the default one where it is none: a pane is missing from it or twice in it, a tile is within
/// itself, or a grid has more columns than there are panes.
pub fn checked(tree: Tree<Pane>) -> Tree<Pane> {
    if is_layout(&tree) { tree } else { standard() }
}

fn is_layout(tree: &Tree<Pane>) -> bool {
    let mut open: Vec<TileId> = tree.root.into_iter().collect();
    let mut seen = HashSet::new();
    let mut panes = Vec::new();
    while let Some(tile) = open.pop() {
        // The tree is walked by recursion later.
        if !seen.insert(tile) || seen.len() > MOST_TILES {
            return false;
        }
        match tree.tiles.get(tile) {
            None => return false,
            Some(Tile::Pane(pane)) => panes.push(*pane),
            Some(Tile::Container(container)) => {
                if let Container::Grid(grid) = container
                    && let GridLayout::Columns(columns) = grid.layout
                    && columns > Pane::ALL.len()
                {
                    return false;
                }
                open.extend(container.children());
            }
        }
    }
    let count = |pane: &Pane| panes.iter().filter(|other| *other == pane).count();
    Pane::ALL.iter().all(|pane| count(pane) == 1)
}

/// Far more than a person makes of these panes.
const MOST_TILES: usize = 100;

/// Whether the pane is drawn: neither behind another tab nor closed.
pub fn is_seen(tree: &Tree<Pane>, pane: Pane) -> bool {
    let active = tree.active_tiles();
    tree.tiles
        .find_pane(&pane)
        .is_some_and(|tile| active.contains(&tile))
}

/// The slugs of the panes in front, where they are not [`FIRST`] or, of tabs alone, its first.
pub fn front(tree: &Tree<Pane>) -> Vec<String> {
    let panes = Pane::ALL.iter().copied();
    let own: Vec<Pane> = panes.filter(|pane| is_seen(tree, *pane)).collect();
    if own == FIRST || own == FIRST[..1] {
        return Vec::new();
    }
    own.iter().map(|pane| pane.slug().to_owned()).collect()
}

/// Whether the pane is open.
pub fn is_open(tree: &Tree<Pane>, pane: Pane) -> bool {
    tree.tiles
        .find_pane(&pane)
        .is_some_and(|tile| tree.is_visible(tile))
}

/// Whether two panes are tabs beside each other, of which one can be in front.
pub fn are_tabs_together(tree: &Tree<Pane>, one: Pane, other: Pane) -> bool {
    let parent = |pane: Pane| tree.tiles.parent_of(tree.tiles.find_pane(&pane)?);
    parent(one).is_some() && parent(one) == parent(other)
}

/// Opens or closes the pane.
pub fn set_open(tree: &mut Tree<Pane>, pane: Pane, open: bool) {
    if let Some(tile) = tree.tiles.find_pane(&pane) {
        tree.set_visible(tile, open);
    }
}

/// Brings a pane to the front of its tabs, and back where it was put away.
pub fn show(tree: &mut Tree<Pane>, pane: Pane) {
    set_open(tree, pane, true);
    tree.make_active(|_, tile| matches!(tile, Tile::Pane(other) if *other == pane));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pane_is_open_by_default() {
        let mut tree = standard();
        assert!(Pane::ALL.iter().all(|pane| is_open(&tree, *pane)));
        assert!(FIRST.iter().all(|pane| is_seen(&tree, *pane)));
        assert!(front(&tree).is_empty());
        assert!(are_tabs_together(&tree, Pane::Training, Pane::Inspector));
        assert!(!are_tabs_together(&tree, Pane::Utterances, Pane::Inspector));
        set_open(&mut tree, Pane::Curves, false);
        assert!(!is_open(&tree, Pane::Curves));
        show(&mut tree, Pane::Training);
        set_open(&mut tree, Pane::Comparison, false);
        show(&mut tree, Pane::Comparison);
        assert!(is_seen(&tree, Pane::Comparison));
        assert!(front(&tree).contains(&"comparison".to_owned()));
        let again = checked(tree);
        assert!(
            !is_open(&again, Pane::Curves),
            "a valid layout is unchanged"
        );
    }

    #[test]
    fn a_stored_layout_that_is_none_is_the_default_one() {
        let is_kept = |tree: Tree<Pane>| {
            let panes = tree.tiles.len();
            checked(tree).tiles.len() == panes
        };
        let grown = |change: fn(&mut Tree<Pane>, TileId)| {
            let mut tree = one_by_one();
            let root = tree.root.unwrap();
            change(&mut tree, root);
            tree
        };
        let children = |tree: &mut Tree<Pane>, root: TileId| match tree.tiles.get(root) {
            Some(Tile::Container(container)) => container.children_vec(),
            _ => Vec::new(),
        };
        let nested = |tree: &mut Tree<Pane>, root: TileId| {
            tree.root = Some(tree.tiles.insert_horizontal_tile(vec![root]));
        };
        assert!(is_kept(grown(nested)));
        // Within itself.
        let own = grown(|tree, root| {
            if let Some(Tile::Container(container)) = tree.tiles.get_mut(root) {
                container.add_child(root);
            }
        });
        assert!(!is_layout(&own));
        let deep = grown(|tree, _| {
            for _ in 0..1000 {
                tree.root = Some(
                    tree.tiles
                        .insert_horizontal_tile(tree.root.into_iter().collect()),
                );
            }
        });
        assert!(!is_layout(&deep));
        let mut wide = one_by_one();
        let root = wide.root.unwrap();
        let panes = children(&mut wide, root);
        let grid = wide.tiles.insert_grid_tile(panes);
        wide.root = Some(grid);
        assert!(is_layout(&wide));
        if let Some(Tile::Container(Container::Grid(grid))) = wide.tiles.get_mut(grid) {
            grid.layout = GridLayout::Columns(1_000_000_000_000);
        }
        assert!(!is_layout(&wide));
    }

    #[test]
    fn where_there_is_little_room_every_pane_can_be_reached() {
        let mut tree = one_by_one();
        for pane in Pane::ALL.iter().copied() {
            show(&mut tree, pane);
            assert!(is_seen(&tree, pane));
        }
        assert_eq!(Room::of(390.0), Room::Phone);
        assert_eq!(Room::of(800.0), Room::Narrow);
        assert_eq!(Room::of(1280.0), Room::Wide);
    }

    #[test]
    fn a_layout_without_all_panes_is_replaced() {
        let mut tiles = Tiles::default();
        let root = tiles.insert_pane(Pane::Curves);
        let tree = checked(Tree::new(egui::Id::unique("panes"), root, tiles));
        assert!(Pane::ALL.iter().all(|pane| is_open(&tree, *pane)));
    }
}
