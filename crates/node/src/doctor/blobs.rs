//! Files that notes carry.

use std::fs;

use mirror_protocol::{ChunkList, ChunkSet};
use mirror_store::{BlobRow, BlobState};

use super::kinds::Kind;
use super::{Exam, mended};
use crate::blobs::list_of;
use crate::error::Result;

/// Looks at every row and every file.
pub fn check(exam: &mut Exam) -> Result<()> {
    let node = exam.node.clone();
    let rows = node.read(|view| Ok(view.blobs()?))?;
    for row in &rows {
        match row.state {
            BlobState::Present => present(exam, row)?,
            BlobState::Partial => partial(exam, row)?,
            BlobState::Absent => {}
            BlobState::False => continue,
        }
        if matches!(row.state, BlobState::Partial | BlobState::Absent) {
            unnoticed(exam, row)?;
        }
    }
    for content in node.blob_files().contents()? {
        if !rows.iter().any(|row| row.blob.id == content) {
            exam.add(Kind::BlobOrphan, content, "no event here names it", false);
        }
    }
    Ok(())
}

fn present(exam: &mut Exam, row: &BlobRow) -> Result<()> {
    let (node, blob) = (exam.node.clone(), row.blob);
    let files = node.blob_files();
    if fs::metadata(files.path(&blob.id)).is_err() {
        let repaired = exam.repair && mended(node.damaged(&blob));
        exam.add(Kind::BlobMissing, blob.id, "its file is not there", repaired);
        return Ok(());
    }
    let Some(list) = files.list_of(&blob)? else {
        let repaired = exam.repair && mended(node.damaged(&blob));
        exam.add(Kind::BlobDamaged, blob.id, "its bytes have another hash", repaired);
        return Ok(());
    };
    if let Err(error) = node.read(|view| list_of(view, &blob)) {
        let repair = || node.write(|tx| Ok(tx.own_blob(&blob, &list.encode())?));
        let repaired = exam.repair && mended(repair());
        exam.add(Kind::BlobListDamaged, blob.id, error, repaired);
    }
    Ok(())
}

fn partial(exam: &mut Exam, row: &BlobRow) -> Result<()> {
    let (node, blob) = (exam.node.clone(), row.blob);
    let again = |have: ChunkSet, state| {
        let wanted = true;
        node.write(|tx| Ok(tx.put_blob(&BlobRow { blob, state, wanted, have })?))
    };
    let Ok(list) = node.read(|view| list_of(view, &blob)) else {
        let repair = || again(ChunkSet::none(blob.count()), BlobState::Absent);
        let repaired = exam.repair && mended(repair());
        exam.add(Kind::BlobListDamaged, blob.id, "its list does not read", repaired);
        return Ok(());
    };
    let here = here(exam, row, &list)?;
    let lost = (0..blob.count()).filter(|n| row.have.contains(*n) && !here.contains(*n)).count();
    if lost > 0 {
        let repaired = exam.repair && mended(again(here, BlobState::Partial));
        let detail = format!("{lost} of {} chunks are not what they were", row.have.count());
        exam.add(Kind::BlobPartDamaged, blob.id, detail, repaired);
    }
    Ok(())
}

/// The chunks that the part's file really holds.
fn here(exam: &Exam, row: &BlobRow, list: &ChunkList) -> Result<ChunkSet> {
    let none = ChunkSet::none(row.blob.count());
    match exam.node.blob_files().open_part(&row.blob) {
        Ok(_) => Ok(exam.node.blob_files().part(&row.blob)?.recover(list, &none)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(none),
        Err(error) => Err(error.into()),
    }
}

fn unnoticed(exam: &mut Exam, row: &BlobRow) -> Result<()> {
    let (node, blob) = (exam.node.clone(), row.blob);
    if let Some(list) = node.blob_files().list_of(&blob)? {
        let repair = || node.write(|tx| Ok(tx.own_blob(&blob, &list.encode())?));
        let repaired = exam.repair && mended(repair());
        exam.add(Kind::BlobUnnoticed, blob.id, "its file is here, whole", repaired);
    }
    Ok(())
}
